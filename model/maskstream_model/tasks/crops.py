"""Masks at picture size, resized inside their boxes only: what a mask costs is its box.

The resize of `FrameOutput.masks` is linear along each axis, and every output is a mean of its
neighbours: where none of them is above 0, no output is. So the low resolution says where to look.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.port import Crops

Values = npt.NDArray[np.float32]
MAX_PLANS = 64
"""Sizes of frames and masks that are remembered at once."""


@dataclass(frozen=True)
class AxisPlan:
    """The resize of one axis from `cells` of the mask grid to `pixels` of the picture.

    Attributes:
        weights: `(pixels, cells)`, at most a few entries in a row.
        first: `(cells,)` the first pixel that a cell has a share in.
        end: `(cells,)` one more than the last.
    """

    weights: csr_array
    first: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


@lru_cache(MAX_PLANS)
def plan_axis(cells: int, padded: int, resized: int, pixels: int) -> AxisPlan:
    """Return the resize of `tasks.output.resize_mask_logits` along one axis.

    Args:
        cells: of the mask grid, stride 4 of the padded frame.
        padded: the frame in the network, with padding.
        resized: the same without padding.
        pixels: of the masks wanted.
    """
    # (1, cells, cells) -> (1, cells, padded) -> (1, cells, resized)
    grid = F.interpolate(torch.eye(cells)[None], padded, mode="linear")[..., :resized]
    if resized != pixels:
        grid = F.interpolate(grid, pixels, mode="linear")
    weights = np.ascontiguousarray(grid[0].T.numpy())  # (pixels, cells)
    touched = weights != 0
    ends = pixels - touched[::-1].argmax(0)
    # Cells of the padding have a share in no pixel.
    ends[~touched.any(0)] = 0
    return AxisPlan(csr_array(weights), touched.argmax(0), ends)


def crop_masks(
    mask_logits: Tensor, padded: Size, resized: Size, size: Size, with_logits: bool = False
) -> Crops:
    """Return the masks of a frame at `size`; arguments are those of `resize_mask_logits`.

    Args:
        mask_logits: see there.
        padded: see there.
        resized: see there.
        size: see there.
        with_logits: also crop the resized logits.
    """
    grids = mask_logits.float().cpu().numpy()
    down, across = (
        plan_axis(grids.shape[1 + axis], padded[axis], resized[axis], pixels)
        for axis, pixels in enumerate(size)
    )
    masks = [crop_mask(grid, down, across) for grid in grids]
    return Crops(
        size=size,
        boxes=np.array([mask.box for mask in masks], np.int32).reshape(-1, 4),
        areas=np.array([mask.area for mask in masks], np.int64),
        bitmaps=tuple(mask.bitmap for mask in masks),
        logits=tuple(mask.logits for mask in masks) if with_logits else None,
    )


@dataclass(frozen=True)
class CroppedMask:
    """One mask: x0, y0, x1, y1 half open, its pixels there, and their logits."""

    box: tuple[int, int, int, int]
    area: int
    bitmap: npt.NDArray[np.bool_]
    logits: Values


def crop_mask(grid: Values, down: AxisPlan, across: AxisPlan) -> CroppedMask:
    """Resize one mask's logits `(H, W)` where it can have pixels, and cut out the tight box."""
    above = grid > 0
    cells = _extent(np.any(above, axis=1)), _extent(np.any(above, axis=0))
    y0, y1 = _pixels(down, cells[0])
    x0, x1 = _pixels(across, cells[1])
    # (rows, H) @ (H, W) -> (rows, W) -> (columns, W) @ (W, rows) -> (columns, rows): column-major,
    # since run lengths go down the columns.
    columns = across.weights[x0:x1] @ np.ascontiguousarray((down.weights[y0:y1] @ grid).T)
    inside = columns > 0
    left, right = _extent(inside.any(1))
    top, bottom = _extent(inside.any(0))
    bitmap = inside[left:right, top:bottom]
    box = (x0 + left, y0 + top, x0 + right, y0 + bottom) if bitmap.size else (0, 0, 0, 0)
    logits = columns[left:right, top:bottom]
    # (columns, rows) -> (rows, columns)
    return CroppedMask(box, int(np.count_nonzero(bitmap)), bitmap.T, logits.T)


def _extent(there: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the half-open range from the first to the last true entry; (0, 0) without one."""
    indices = np.flatnonzero(there)
    return (int(indices[0]), int(indices[-1]) + 1) if len(indices) else (0, 0)


def _pixels(plan: AxisPlan, cells: tuple[int, int]) -> tuple[int, int]:
    """Return the pixels in which a range of cells has a share."""
    if cells[0] == cells[1]:
        return 0, 0
    first, end = plan.first[cells[0] : cells[1]], plan.end[cells[0] : cells[1]]
    reaching = end > 0
    if not reaching.any():
        return 0, 0
    return int(first[reaching].min()), int(end.max())
