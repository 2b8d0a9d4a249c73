"""Ctrl-C where work is to end in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final, Self

INTERRUPTED: Final = 130
"""Exit status of a command that Ctrl-C ended."""
_STDERR: Final = 2
_SENTENCE: Final = b"\nStopping after the frames under way; Ctrl-C again cuts it short.\n"


class Interrupts:
    """While it is entered, the first Ctrl-C asks for an end and only a second one interrupts.

    Args:
        stop: called by the first one, between any two steps of the main thread.

    Attributes:
        heard: there was one.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.heard = False
        self._stop = stop

    def _hear(self, *_: object) -> None:
        if self.heard:
            raise KeyboardInterrupt
        self.heard = True
        self._stop()
        # Past Python's buffers: the main thread may be writing to them at this moment.
        os.write(_STDERR, _SENTENCE)

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *exc: object) -> None:
        signal.signal(signal.SIGINT, self._before)
