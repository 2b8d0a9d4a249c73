"""What rules remember from frame to frame: a value, and its bytes as a part of a memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Key = tuple[int, int]
"""Index of a rule, and a track; 0 stands for the rule itself, where it counts tracks."""
COUNTED: Final = 0


@dataclass(frozen=True)
class Cell:
    """Where a track stands with a rule.

    Values are 0 for out (or not known), 1 for in, at a line `LEFT` and `RIGHT`.

    Attributes:
        settled: the value that has lasted long enough.
        latest: the value on the latest frame.
        since_us: when `latest` began, by the clock of the memory.
        fired: how many events it has made.
    """

    settled: int = 0
    latest: int = 0
    since_us: int = 0
    fired: int = 0


NEW: Final = Cell()


@dataclass(frozen=True)
class EventMemory:
    """What the rules of an epoch remember after a frame.

    Attributes:
        clock_us: time of the frame since the first one of the epoch.
        sequence: of the frame; 0 before the first one.
        pts_us: its presentation time; below 0 where that is not known.
        cells: of tracks that have not disappeared; what is not here is `NEW`.
    """

    clock_us: int = 0
    sequence: int = 0
    pts_us: int = -1
    cells: Mapping[Key, Cell] = field(default_factory=dict)

    def clock_at(self, sequence: int, pts_us: int, fps: float) -> int:
        """Return the clock on a later frame.

        Times of frames count where two in a row have them; without, and where time goes back (a
        file that begins anew), a frame lasts 1 / `fps` seconds.
        """
        if self.sequence == 0:
            return 0
        if 0 <= self.pts_us <= pts_us:
            return self.clock_us + pts_us - self.pts_us
        return self.clock_us + round(1e6 * (sequence - self.sequence) / fps)

    def to_bytes(self) -> bytes:
        """Return what `read_event_memory` reads."""
        cells = [
            [*key, cell.settled, cell.latest, cell.since_us, cell.fired]
            for key, cell in sorted(self.cells.items())
        ]
        values = [self.clock_us, self.sequence, self.pts_us, cells]
        return json.dumps(values, separators=(",", ":")).encode()


NO_EVENTS: Final = EventMemory()


def read_event_memory(data: bytes) -> EventMemory:
    """Read what `to_bytes` wrote.

    Raises:
        ValueError, TypeError: it is something else.
    """
    clock_us, sequence, pts_us, rows = json.loads(data)
    cells = {(int(rule), int(track)): _cell(values) for rule, track, *values in rows}
    return EventMemory(int(clock_us), int(sequence), int(pts_us), cells)


def _cell(values: list[Any]) -> Cell:
    settled, latest, since_us, fired = map(int, values)
    return Cell(settled, latest, since_us, fired)
