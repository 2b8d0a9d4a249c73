"""Results of a frame for models whose masks are pictures as large as the frame; no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Size
from maskstream_model.port import Crops, FrameResult, Rows, TrackStatus, TrackTable

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PixelMasks:
    """Masks of `n` tracks as one value for each pixel; implements `port.Masks`.

    Attributes:
        values: `(n, height, width)` float32. A pixel belongs to a mask where its value is above 0;
            of two masks that share it, the one with the larger value is in front.
    """

    values: Values

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """Cut out the masks of some rows; other sizes take the nearest pixel."""
        down, across = (
            ((np.arange(wanted) + 0.5) * there / wanted).astype(np.int64)
            for wanted, there in zip(size, self.values.shape[1:], strict=True)
        )
        cuts = [_cut(self.values[row][np.ix_(down, across)]) for row in rows]
        return Crops(
            size=size,
            boxes=np.array([box for box, _ in cuts], np.int32).reshape(-1, 4),
            areas=np.array([np.count_nonzero(values > 0) for _, values in cuts], np.int64),
            bitmaps=tuple(values > 0 for _, values in cuts),
            logits=tuple(values for _, values in cuts) if with_logits else None,
        )


@dataclass(frozen=True)
class PixelTrack:
    """One track of a frame, as a row of `port.TrackTable` has it.

    Attributes:
        track_id: from 1, never given twice in a session.
        label: class index.
        score: 0 to 1.
        status: what happened to it.
        age: frames since its birth, 1 on that frame.
        values: its mask as of `PixelMasks`, `(height, width)` float32; None without one.
    """

    track_id: int
    label: int
    score: float
    status: TrackStatus
    age: int
    values: Values | None = None


def pixel_result(
    index: int, size: Size, tracks: Sequence[PixelTrack], num_refused: int = 0
) -> FrameResult:
    """Return the final result of a frame.

    Args:
        index: number of the frame in its session.
        size: (height, width) of the frame.
        tracks: things, all of which may be mentioned.
        num_refused: new tracks that the limit of tracks refused.
    """
    values = np.full((len(tracks), *size), -1, np.float32)
    for row, track in enumerate(tracks):
        if track.values is not None:
            values[row] = track.values
    table = TrackTable(
        track_ids=np.array([track.track_id for track in tracks], np.int64),
        labels=np.array([track.label for track in tracks], np.int64),
        scores=np.array([track.score for track in tracks], np.float32),
        status=np.array([track.status for track in tracks], np.int64),
        ages=np.array([track.age for track in tracks], np.int64),
        things=np.ones(len(tracks), np.bool_),
        mentionable=np.ones(len(tracks), np.bool_),
    )
    return FrameResult(index, size, table, PixelMasks(values), num_refused=num_refused)


def _cut(values: Values) -> tuple[tuple[int, int, int, int], Values]:
    """Return the tight box (x0, y0, x1, y1) of the pixels above 0, and the values inside it."""
    inside = values > 0
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return (0, 0, 0, 0), values[:0, :0]
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return (x0, y0, x1, y1), values[y0:y1, x0:x1]
