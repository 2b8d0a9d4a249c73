"""Which tracks are shown: those that have once been sure enough."""

from collections.abc import Sequence
from dataclasses import replace

from maskstream_drawing.painting import DrawnObject
from maskstream_protocol.records import Status


class Showing:
    """Chooses the tracks of one video that are drawn, frame by frame in order.

    Args:
        score_min: 0 to 1; a track is shown from the first frame on where its score reaches it; 0:
            all are.
    """

    def __init__(self, score_min: float) -> None:
        self._score_min = score_min
        self._shown: set[int] = set()

    def forget(self) -> None:
        """Identities start over."""
        self._shown.clear()

    def of_frame(self, objects: Sequence[DrawnObject]) -> list[DrawnObject]:
        """Return what is shown of a frame; a track emerges where it is shown first."""
        if self._score_min == 0:
            return list(objects)
        return [shown for item in objects if (shown := self._of(item)) is not None]

    def _of(self, item: DrawnObject) -> DrawnObject | None:
        if item.track_id in self._shown:
            if item.status is Status.DISAPPEARED:
                self._shown.remove(item.track_id)
            return item
        unseen = item.status in (Status.MISSED, Status.DISAPPEARED)
        if unseen or item.score < self._score_min:
            return None
        self._shown.add(item.track_id)
        return replace(item, status=Status.EMERGED)
