"""Times of frames as a player shows them: from the start of the file, always forwards."""

from typing import Final

SMALLEST_STEP_S: Final = 1e-4
"""Between two frames that a file gives the same time."""
_MICROSECOND_S: Final = 1e-6
_RESTART_S: Final = 1.0
"""Going back by more than this is a clock that started anew, not a slip."""


class Timeline:
    """Turns a file's time stamps into times that grow from frame to frame.

    Args:
        start_s: time stamp at which the file starts; None: the first frame's.
        step_s: time between frames where the file says nothing.
    """

    def __init__(self, start_s: float | None, step_s: float) -> None:
        self._start_s = start_s
        self._step_s = step_s
        self._latest_s: float | None = None

    def place(self, stamp_s: float | None) -> float:
        """Return the time of the next frame in seconds, at least 0.

        A clock that starts anew continues after the latest frame, gaps stay as they are, equal
        times are parted by `SMALLEST_STEP_S`, and a frame without a time follows the one before.
        """
        latest_s = self._latest_s
        if latest_s is None:
            self._latest_s = self._first(stamp_s)
            return self._latest_s
        expected_s = latest_s + self._step_s
        time_s = expected_s if stamp_s is None else stamp_s - (self._start_s or 0.0)
        if stamp_s is not None and time_s < latest_s - _RESTART_S:
            self._start_s = stamp_s - expected_s
            time_s = expected_s
        self._latest_s = max(time_s, latest_s + SMALLEST_STEP_S)
        return self._latest_s

    def _first(self, stamp_s: float | None) -> float:
        """A frame before what the file calls its start, in whole microseconds, is its start."""
        if stamp_s is None:
            return 0.0
        if self._start_s is None or stamp_s < self._start_s + _MICROSECOND_S:
            self._start_s = stamp_s
        return stamp_s - self._start_s
