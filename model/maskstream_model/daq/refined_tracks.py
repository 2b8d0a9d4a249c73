"""State of the tracks of a video that is refined: class votes, and identities.

A row of the refiner is named by the id of the online tracker, or by `-1 - i` for naive sequence
`i`; both name the same object in every window. A row gets a track id of the video when it first has
a mask.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClassVote:
    """The mean class probabilities of windows, weighted by the frames that they decide.

    Attributes:
        weighted: `(K,)` float32, probabilities times frames.
        num_frames: the sum of the weights.
    """

    weighted: Values
    num_frames: int

    def add(self, probabilities: Values, num_frames: int) -> "ClassVote":
        """Return the vote after one more window."""
        weighted = self.weighted + num_frames * probabilities
        return ClassVote(weighted, self.num_frames + num_frames)

    @property
    def mean(self) -> Values:
        """`(K,)` float32 probabilities, 0 to 1."""
        return self.weighted / np.float32(self.num_frames)


@dataclass(frozen=True)
class RefinedTrack:
    """What is known of a row.

    Attributes:
        vote: on its class.
        track_id: in the results, from 1; None: it has had no mask.
        birth: number of the frame, from 1, on which it first had one.
    """

    vote: ClassVote
    track_id: int | None = None
    birth: int = 0


@dataclass(frozen=True)
class RefinedTracks:
    """What is known of all rows that a window may see again; a value.

    Attributes:
        rows: by the name of the row.
        next_track_id: id of the next new track.
    """

    rows: Mapping[int, RefinedTrack] = field(default_factory=dict)
    next_track_id: int = 1

    @property
    def shown(self) -> set[int]:
        """Rows that have a track id."""
        return {row for row, track in self.rows.items() if track.track_id is not None}

    def vote(
        self, row_ids: Sequence[int], probabilities: Values, num_frames: int
    ) -> "RefinedTracks":
        """Add the class probabilities of a window to its rows.

        Args:
            row_ids: `R` of them.
            probabilities: `(R, K)`.
            num_frames: that the window decides.
        """
        rows, nothing = dict(self.rows), ClassVote(np.zeros_like(probabilities[0]), 0)
        for row, added in zip(row_ids, probabilities, strict=True):
            known = rows.get(row, RefinedTrack(nothing))
            rows[row] = replace(known, vote=known.vote.add(added, num_frames))
        return replace(self, rows=rows)

    def forget(self, living: Collection[int]) -> tuple["RefinedTracks", list[RefinedTrack]]:
        """Drop tracks that no window will see again; return those of them that had been shown.

        Args:
            living: rows that are there; naive sequences always are.
        """
        gone = {row for row in self.rows if row > 0 and row not in living}
        rows = {row: track for row, track in self.rows.items() if row not in gone}
        return replace(self, rows=rows), [self.rows[row] for row in sorted(gone & self.shown)]

    def show(self, row_ids: Sequence[int], frame: int) -> "RefinedTracks":
        """Give ids to the rows that have their first mask on a frame, in this order."""
        rows, next_id = dict(self.rows), self.next_track_id
        for row in row_ids:
            if rows[row].track_id is None:
                rows[row] = replace(rows[row], track_id=next_id, birth=frame)
                next_id += 1
        return RefinedTracks(rows, next_id)
