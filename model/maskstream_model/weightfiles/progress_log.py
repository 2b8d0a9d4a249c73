"""Progress of a download as log lines, with rate and time left."""

from collections.abc import Callable
from typing import Final

EVERY_S: Final = 5.0


class ProgressLog:
    """Turns counts of bytes into lines, one every `EVERY_S` seconds and one at the end.

    Args:
        clock: monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start: tuple[float, int] | None = None
        self._next_s = 0.0

    def line(self, done: int, total: int | None) -> str | None:
        """Return the line for the log, or None where the last one is recent.

        Args:
            done: bytes downloaded so far.
            total: size in bytes; None: not known.
        """
        now = self._clock()
        if self._start is None or done < self._start[1]:
            # The bytes before a continued download do not count for its rate.
            self._start = now, done
            self._next_s = now + EVERY_S
        ended = done == total
        if not ended and now < self._next_s:
            return None
        self._next_s = now + EVERY_S
        began, before = self._start
        rate = (done - before) / (now - began) if now > began else 0.0
        return _amount(done, total) + _pace(rate, 0 if total is None else total - done)


def _amount(done: int, total: int | None) -> str:
    if not total:
        return f"{done / 1e6:.0f} MB"
    return f"{done / 1e6:.0f} MB of {total / 1e6:.0f} MB ({100 * done / total:.0f} %)"


def _pace(rate: float, left: int) -> str:
    if not rate:
        return ""
    per_second = f", {rate / 1e6:.1f} MB/s"
    return per_second + (f", {_duration(left / rate)} left" if left else "")


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
