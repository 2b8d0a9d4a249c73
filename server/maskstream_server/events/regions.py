"""How much of a mask is in a zone, or on each side of a line.

A pixel is where its centre is. All is counted within a mask's box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Size

Corner = Sequence[float]
"""x and y as shares of width and height, 0 to 1."""


@dataclass(frozen=True)
class CroppedMask:
    """A mask that has pixels, within its box.

    Attributes:
        size: (height, width) of the whole mask.
        x0, y0: the box's corner in pixels of the whole mask.
        bitmap: `(h, w)` bool.
        area: its pixels.
    """

    size: Size
    x0: int
    y0: int
    bitmap: npt.NDArray[np.bool_]
    area: int

    @property
    def columns(self) -> npt.NDArray[np.float64]:
        """`(w,)`: x of the centres of its columns."""
        return np.arange(self.x0, self.x0 + self.bitmap.shape[1]) + 0.5

    @property
    def rows(self) -> npt.NDArray[np.float64]:
        """`(h,)`: y of the centres of its rows."""
        return np.arange(self.y0, self.y0 + self.bitmap.shape[0]) + 0.5

    def in_pixels(self, corners: Sequence[Corner]) -> npt.NDArray[np.float64]:
        """`(n, 2)`: points on the grid of the whole mask."""
        height, width = self.size
        return np.array(corners, float) * (width, height)


@dataclass(frozen=True)
class Measure:
    """Where a mask is, for one region; a share is of its pixels, 0 to 1.

    Attributes:
        share: in the zone, or right of the line.
        other_share: left of the line.
        beside: whether its middle is between the line's ends, not beyond them.
    """

    share: float
    other_share: float = 0.0
    beside: bool = True


def in_zone(corners: Sequence[Corner], mask: CroppedMask) -> Measure:
    """Measure a mask against a polygon.

    The outline crosses each row of pixels an even number of times; the pixels between the first
    and the second crossing are inside, those between the third and the fourth, and so on.
    """
    start = mask.in_pixels(corners)
    x, y = start[:, :1], start[:, 1:]  # (n, 1)
    dx, dy = np.roll(x, -1, axis=0) - x, np.roll(y, -1, axis=0) - y
    crosses = (y <= mask.rows) != (y + dy <= mask.rows)  # (n, h)
    at_x = x + (mask.rows - y) * dx / np.where(dy == 0, 1, dy)
    at_x = np.sort(np.where(crosses, at_x, np.inf), axis=0)
    height, width = mask.bitmap.shape
    before = np.zeros((height, width + 1), np.int64)
    np.cumsum(mask.bitmap, axis=1, out=before[:, 1:])
    first = np.clip(np.ceil(at_x - 0.5) - mask.x0, 0, width).astype(np.int64)
    # An odd number of corners has at most one crossing less than that.
    num_left = before[np.arange(height), first][: len(first) // 2 * 2]
    inside = int((num_left[1::2] - num_left[::2]).sum())
    return Measure(inside / mask.area)


def beside_line(line: Sequence[Corner], mask: CroppedMask) -> Measure:
    """Measure a mask against a line; its sides are those of the line made longer without end."""
    (x0, y0), (x1, y1) = mask.in_pixels(line)
    dx, dy = x1 - x0, y1 - y0
    columns, rows = mask.columns - x0, mask.rows - y0
    # Above 0 right of the line, as y grows downward.
    side = dx * rows[:, None] - dy * columns[None]  # (h, w)
    num_right = int((mask.bitmap & (side > 0)).sum())
    num_left = int((mask.bitmap & (side < 0)).sum())
    x, y = mask.bitmap.sum(axis=0) @ columns, mask.bitmap.sum(axis=1) @ rows
    along = (x * dx + y * dy) / mask.area
    beside = bool(0 <= along <= dx * dx + dy * dy)
    return Measure(num_right / mask.area, num_left / mask.area, beside)
