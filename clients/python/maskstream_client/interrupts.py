"""Ctrl-C, and other signals that ask for an end, where work is to end in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, Self

INTERRUPTED: Final = 130
"""Exit status of a command that Ctrl-C ended."""
_ENDING: Final = [
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_STDERR: Final = 2
_SENTENCE: Final = b"\nStopping after the frames under way; Ctrl-C again cuts it short.\n"


class Interrupts:
    """While it is entered, the first signal asks for an end and only a second one interrupts.

    Args:
        stop: called by the first one, between any two steps of the main thread.

    Attributes:
        signal: the number of the first one; 0: there was none.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.signal = 0
        self._stop = stop

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        self._stop()
        # Past Python's buffers: the main thread may be writing to them at this moment. A terminal
        # that was closed takes nothing.
        with suppress(OSError):
            os.write(_STDERR, _SENTENCE)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in _ENDING}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
