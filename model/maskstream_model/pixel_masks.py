"""The port's `Masks` for a model whose masks are pictures as large as the frame; no torch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Size
from maskstream_model.port import Crops, Rows

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


def _cut(values: Values) -> tuple[tuple[int, int, int, int], Values]:
    """Return the tight box (x0, y0, x1, y1) of the pixels above 0, and the values inside it."""
    inside = values > 0
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return (0, 0, 0, 0), values[:0, :0]
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return (x0, y0, x1, y1), values[y0:y1, x0:x1]
