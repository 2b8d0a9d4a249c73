"""Which tracks of a frame the client is told of: pure (protocol.md section 3, last paragraph)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskstream_model.interface import TrackStatus


@dataclass(frozen=True)
class Report:
    """The rows of a frame that the client is told of.

    Attributes:
        rows: `(n,)` int64 indices into the frame's tracks.
        status: `(n,)` int64 as on the wire: a first mention is always 0.
        mentioned: tracks that the client knows after this frame and that live.
    """

    rows: npt.NDArray[np.int64]
    status: npt.NDArray[np.int64]
    mentioned: frozenset[int]


def report(
    track_ids: npt.NDArray[np.int64],
    status: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    mentioned: frozenset[int],
    min_score: float,
) -> Report:
    """Choose rows: what was mentioned before, and what is seen now with a good enough score.

    Args:
        track_ids: `(N,)`.
        status: `(N,)` values of `TrackStatus`.
        scores: `(N,)`, 0 to 1.
        mentioned: tracks that the client knows.
        min_score: score from which a track is first mentioned.
    """
    known = np.array([track in mentioned for track in track_ids.tolist()], bool)
    seen = (status == TrackStatus.EMERGED) | (status == TrackStatus.TRACKED)
    first = ~known & seen & (scores >= min_score)
    rows = np.flatnonzero(known | first)
    told = np.where(first, int(TrackStatus.EMERGED), status)[rows]
    alive = track_ids[rows[told != TrackStatus.DISAPPEARED]]
    return Report(rows, told, frozenset(alive.tolist()))
