"""The parent's side of a decoding child: start it, read its messages, end it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from maskstream_media.refusal import MediaCode
from maskstream_server.errors import MediaError
from maskstream_server.media.channel import Channel
from maskstream_server.media.messages import HEADER, MAX_TEXT_BYTES, Kind, Task, decode_refusal

_MODULE: Final = "maskstream_server.media.child"
_SILENT_TIMES: Final = 10
"""The child's own alarm counts computing alone; a child that is silent for so many times as long is
killed from outside, whatever it waits for."""
FAILED: Final = "The decoder broke off while it read the video."


class ChildProcess:
    """A child at work on one file; its frames wait in it until they are read.

    Args:
        path: of the file; the child gets it open and never learns its name.
        task: what to do with it.

    Raises:
        OSError: the file cannot be opened, or no process be started.
    """

    def __init__(self, path: Path, task: Task) -> None:
        self._limits = task.limits
        self._stopped = False
        with path.open("rb") as video:
            self._process = start_child(_MODULE, task.encode(), stdin=video)
        self._channel = Channel(self._process, time.monotonic)

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    def header(self) -> tuple[Kind, int]:
        """Read the next message's kind and the number of bytes that follow.

        Raises:
            MediaError: the child refuses the video, or is at an end without having said so.
        """
        kind, num_bytes = HEADER.unpack(self.read(HEADER.size))
        if kind == Kind.REFUSAL:
            refusal = decode_refusal(self.text(num_bytes))
            raise MediaError(refusal.code, refusal.sentence)
        return Kind(kind), num_bytes

    def text(self, num_bytes: int) -> bytes:
        """Read the short payload of a message that is no frame and no sound."""
        if num_bytes > MAX_TEXT_BYTES:
            raise ValueError(f"a text of {num_bytes} bytes")
        return self.read(num_bytes)

    def read(self, num_bytes: int) -> bytes:
        """Read exactly so many bytes."""
        data = bytearray(num_bytes)
        self.read_into(memoryview(data))
        return bytes(data)

    def read_into(self, view: memoryview) -> None:
        """Fill a writable view of bytes.

        Raises:
            MediaError: the child is silent, or at an end.
        """
        try:
            self._channel.fill(view, time.monotonic() + _SILENT_TIMES * self._limits.stall_s)
        except TimeoutError:
            self._process.kill()
            raise self._stalled() from None
        except EOFError:
            raise self._early_end() from None

    def stop(self) -> None:
        """Kill the child; a pending read raises. Any thread may call this at any time."""
        self._stopped = True
        self._process.kill()

    def close(self) -> None:
        """Kill the child if it still lives, and leave nothing of it behind."""
        self._process.kill()
        self._channel.close()
        self._process.wait()

    def _early_end(self) -> MediaError:
        """Return what to say of a child that ended in the middle of things."""
        ended_by = -self._process.wait()
        if self._stopped:
            return MediaError(MediaCode.STOPPED, "Reading the video was stopped.")
        if ended_by == signal.SIGPROF:
            return self._stalled()
        if ended_by == signal.SIGXCPU:
            return MediaError(
                MediaCode.TOO_SLOW,
                f"Decoding the video takes more than {self._limits.cpu_s} seconds of computing, "
                "the limit.",
            )
        return MediaError(MediaCode.DECODER_FAILED, FAILED)

    def _stalled(self) -> MediaError:
        return MediaError(
            MediaCode.TOO_SLOW,
            f"No frame of the video could be decoded within {self._limits.stall_s:g} seconds "
            "of computing.",
        )


def start_child(
    module: str, argument: str, stdin: IO[bytes] | int, variables: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a process that runs a module, with a pipe at its stdout and little else.

    Raises:
        OSError: none can be started.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, argument],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={**child_environment(), **(variables or {})},
        cwd="/",
        start_new_session=True,
    )


def child_environment() -> dict[str, str]:
    """Return where to find Python's modules and libraries, and none of the server's secrets."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
    # Each arena takes 64 MiB of the child's address space.
    environment["MALLOC_ARENA_MAX"] = "1"
    return environment
