"""What a connection is doing, as a list of sessions shows it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from maskstream_model.aliases import Size
from maskstream_protocol.notices import Welcome
from maskstream_server.session.actions import Encode

NUM_TIMES: Final = 31
RECENT_S: Final = 5.0
"""Results that are older say nothing of the rate now."""


@dataclass(frozen=True)
class LiveStream:
    """A session's connection to this server.

    Attributes:
        model: that segments its frames.
        width, height: in pixels, of the latest upright frame; None before the first one.
        fps: results a second of late; None without any.
        connected_s: seconds since the connection began.
        tracks: that its client knows and that have not disappeared.
    """

    model: str
    width: int | None
    height: int | None
    fps: float | None
    connected_s: float
    tracks: int


class Activity:
    """Looks at the results of one connection.

    Args:
        welcome: with which it began.
        clock: seconds that only grow.
    """

    def __init__(self, welcome: Welcome, clock: Callable[[], float]) -> None:
        self._model, self._clock = welcome.model.name, clock
        self.epoch, self.sequence = welcome.epoch, welcome.next_sequence - 1
        self._began_s = clock()
        self._times_s: deque[float] = deque(maxlen=NUM_TIMES)
        self._size: Size | None = None
        self._num_tracks = 0

    def answered(self, result: Encode) -> None:
        """See a result; those that are not final do not count."""
        if not result.report.final:
            return
        self.epoch, self.sequence = result.frame.epoch, result.frame.sequence
        self._size, self._num_tracks = result.report.size, len(result.report.mentioned)
        self._times_s.append(self._clock())

    def shown(self) -> LiveStream:
        """Return what it is now."""
        now_s = self._clock()
        height, width = self._size or (None, None)
        connected_s, fps = round(now_s - self._began_s, 3), self._fps(now_s)
        return LiveStream(self._model, width, height, fps, connected_s, self._num_tracks)

    def _fps(self, now_s: float) -> float | None:
        times_s = [each for each in self._times_s if each >= now_s - RECENT_S]
        if len(times_s) < 2 or times_s[-1] == times_s[0]:
            return None
        return round((len(times_s) - 1) / (times_s[-1] - times_s[0]), 2)
