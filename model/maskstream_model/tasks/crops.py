"""Masks at picture size, resized inside their boxes only: what a mask costs is its box.

The resize of `FrameOutput.masks` is linear along each axis, and every output is a mean of its
neighbours: where none of them is above 0, no output is. So the low resolution bounds the output.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.port import Crops
from maskstream_model.tasks.axis_plans import AxisPlan, Indices, Values, plan_axis

PlanAxis = Callable[[int, int, int, int], AxisPlan]
PIXELS_AT_ONCE = 2**18
"""Of boxes that are resized together: as many as a processor's cache holds."""


@dataclass(frozen=True)
class CroppedMask:
    """One mask: x0, y0, x1, y1 half open, its pixels there, and their logits where wanted.

    Logits that are not needed are not kept for a moment: memory that is used again is in the cache.
    """

    box: tuple[int, int, int, int]
    area: int
    bitmap: npt.NDArray[np.bool_]
    logits: Values | None


def crop_masks(
    mask_logits: Tensor,
    padded: Size,
    resized: Size,
    size: Size,
    with_logits: bool = False,
    plan: PlanAxis = plan_axis,
) -> Crops:
    """Return the masks of a frame at `size`; arguments are those of `resize_mask_logits`.

    Args:
        mask_logits: see there.
        padded: see there.
        resized: see there.
        size: see there.
        with_logits: also crop the resized logits.
        plan: how an axis is resized, where it is not as there.
    """
    grids: Values = mask_logits.float().cpu().numpy()
    down, across = (
        plan(grids.shape[1 + axis], padded[axis], resized[axis], pixels)
        for axis, pixels in enumerate(size)
    )
    nothing = CroppedMask((0, 0, 0, 0), 0, np.zeros((0, 0), bool), np.zeros((0, 0), np.float32))
    masks = [nothing] * len(grids)
    if len(grids):
        for index, mask in _cropped(grids, down, across, with_logits):
            masks[index] = mask
    logits = tuple(mask.logits for mask in masks if mask.logits is not None)
    return Crops(
        size=size,
        boxes=np.array([mask.box for mask in masks], np.int32).reshape(-1, 4),
        areas=np.array([mask.area for mask in masks], np.int64),
        bitmaps=tuple(mask.bitmap for mask in masks),
        logits=logits if with_logits else None,
    )


def _cropped(
    grids: Values, down: AxisPlan, across: AxisPlan, with_logits: bool
) -> Iterator[tuple[int, CroppedMask]]:
    """Yield those of the masks `(n, H, W)` that have pixels, by their index."""
    above = grids > 0
    top, bottom = down.reached(np.logical_or.reduce(above, 2))
    left, right = across.reached(np.logical_or.reduce(above, 1))
    heights, widths = bottom - top, right - left
    # Boxes of one height waste nothing beside one another.
    order = heights.argsort(kind="stable")
    order = order[(heights * widths)[order] > 0]
    sizes = (heights * widths)[order].cumsum() // PIXELS_AT_ONCE
    ends = (np.flatnonzero(np.diff(sizes, append=-1)) + 1).tolist()
    for start, end in pairwise([0, *ends]):
        some = order[start:end]
        tall = down.resize(grids[some], (top[some], bottom[some]))
        values = across.resize(_turned(tall, heights[some]), (left[some], right[some]))
        cuts = _cut(values, (left[some], top[some]), widths[some], with_logits)
        yield from ((int(some[index]), mask) for index, mask in cuts)


def _turned(tall: Values, heights: Indices) -> Values:
    """Return masks `(sum of heights, W)` as `(n, W, tallest)`, with zeros behind each.

    Columns come first, since run lengths go down the columns.
    """
    turned = np.zeros((len(heights), tall.shape[1], heights.max()), np.float32)
    ends = heights.cumsum().tolist()
    for mask, height, end in zip(turned, heights.tolist(), ends, strict=True):
        mask[:, :height] = tall[end - height : end].T
    return turned


def _cut(
    values: Values, corners: tuple[Indices, Indices], widths: Indices, with_logits: bool
) -> Iterator[tuple[int, CroppedMask]]:
    """Yield those masks that have pixels in their tight boxes, by their index.

    Args:
        values: `(sum of widths, tallest)` logits, column by column, one mask below the other.
        corners: `(n,)` each, x and y in the picture where the values of each mask begin.
        widths: `(n,)` columns of each mask.
        with_logits: also cut the values.
    """
    inside = values > 0
    ends = widths.cumsum()
    starts = ends - widths
    rows = np.logical_or.reduceat(inside, starts)  # (n, tallest)
    tops, bottoms = rows.argmax(1), rows.shape[1] - rows[:, ::-1].argmax(1)
    columns = np.flatnonzero(inside.any(1))
    first, last = np.searchsorted(columns, starts), np.searchsorted(columns, ends) - 1
    for mask in np.flatnonzero(last >= first).tolist():
        x0, x1 = int(columns[first[mask]]), int(columns[last[mask]]) + 1
        y0, y1 = int(tops[mask]), int(bottoms[mask])
        right, down = int(corners[0][mask] - starts[mask]), int(corners[1][mask])
        # (columns, rows) -> (rows, columns)
        yield (
            mask,
            CroppedMask(
                box=(x0 + right, y0 + down, x1 + right, y1 + down),
                area=int(np.count_nonzero(inside[x0:x1])),
                bitmap=inside[x0:x1, y0:y1].T,
                logits=values[x0:x1, y0:y1].T if with_logits else None,
            ),
        )
