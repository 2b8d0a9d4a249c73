"""Videos that come through a pipe: standard input, or a FIFO."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import Final

from maskstream_client.errors import SourceError

_STEP_S: Final = 0.2
_CAN_WAIT: Final = sys.platform != "win32"
"""Windows waits for sockets only."""


class Pipe:
    """Read by FFmpeg, which retries what a signal interrupts: so the waiting is done here.

    Args:
        descriptor: open for reading.
        owned: closed with it; standard input stays open.
    """

    def __init__(self, descriptor: int, *, owned: bool) -> None:
        self._descriptor = descriptor
        self._owned = owned
        self._stopped = False

    def read(self, num_bytes: int) -> bytes:
        """At most so many bytes, as soon as there are any; none at the end or after `stop`."""
        while not self._stopped:
            if not _CAN_WAIT or select.select([self._descriptor], [], [], _STEP_S)[0]:
                return os.read(self._descriptor, num_bytes)
        return b""

    def stop(self) -> None:
        """End what is read here, also where it waits for a writer that is silent."""
        self._stopped = True

    def close(self) -> None:
        """Close it; a second call does nothing."""
        self.stop()
        if self._owned:
            self._owned = False
            os.close(self._descriptor)


def open_standard_input() -> Pipe:
    """What is piped into this process.

    Raises:
        SourceError: it is a terminal, or closed.
    """
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:
        raise SourceError("There is no standard input to read a video from.") from error
    if os.isatty(descriptor):
        raise SourceError(
            "- reads a video from standard input, which is a terminal: pipe a video into it, "
            "or name a file."
        )
    return Pipe(descriptor, owned=False)


def open_fifo(path: Path) -> Pipe:
    """A named pipe, once it is opened for writing.

    Raises:
        SourceError: it cannot be opened.
    """
    try:
        return Pipe(os.open(path, os.O_RDONLY), owned=True)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from error
