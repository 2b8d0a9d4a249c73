"""The resize of masks along one axis, for ranges of pixels of many masks in one sparse product."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array

MAX_PLANS = 64
"""Sizes of frames and masks that are remembered at once."""
Values = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Ranges = tuple[Indices, Indices]
"""First pixels of some masks, and one more than their last ones, `(n,)` each."""


@dataclass(frozen=True)
class AxisPlan:
    """The resize of one axis from `cells` of the mask grid to `pixels` of the picture.

    Attributes:
        shares: `(pixels, cells)`, at most a few entries in a row.
        first: `(cells,)` the first pixel that a cell has a share in.
        end: `(cells,)` one more than the last; 0 for cells of the padding, which have no pixel.
    """

    shares: csr_array
    first: Indices
    end: Indices

    def reached(self, above: npt.NDArray[np.bool_]) -> Ranges:
        """Return the pixels in which any of a mask's cells `above (n, cells)` has a share."""
        above = above & (self.end > 0)
        end = np.where(above, self.end, 0).max(1)
        return np.minimum(np.where(above, self.first, self.shares.shape[0]).min(1), end), end

    def resize(self, maps: Values, ranges: Ranges) -> Values:
        """Resize masks in their ranges of pixels alone.

        Args:
            maps: `(n, cells, width)`, resized along the cells.
            ranges: of the `n` masks.

        Returns:
            `(sum of all pixels, width)`, one mask below the other.
        """
        shares, (n, cells, width) = self.shares, maps.shape
        first, end = ranges
        lengths, begins = end - first, shares.indptr[first]
        entries = shares.indptr[end] - begins
        pixels, taken = _ranges(first, lengths), _ranges(begins, entries)
        columns = shares.indices[taken] + np.repeat(np.arange(n, dtype=np.int32) * cells, entries)
        rows = np.zeros(len(pixels) + 1, np.int32)
        np.diff(shares.indptr)[pixels].cumsum(out=rows[1:])
        stacked = csr_array((shares.data[taken], columns, rows), shape=(len(pixels), n * cells))
        resized: Values = stacked @ maps.reshape(
            -1, width
        )  # (n, cells, width) -> (n * cells, width)
        return resized


def _ranges(first: Indices, lengths: Indices) -> Indices:
    """Return ranges of whole numbers, one after the other."""
    ends = lengths.cumsum()
    return np.arange(ends[-1]) + np.repeat(first - (ends - lengths), lengths)


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
    return _plan(grid[0].T.numpy())


@lru_cache(MAX_PLANS)
def plan_aligned_axis(cells: int, padded: int, resized: int, pixels: int) -> AxisPlan:
    """Return another resize, as CondInst and those after it have: the arguments are the same.

    Cell `i` is at pixel `4 i + 2` of the padded frame, between cells all is linear; of that the
    nearest pixels are taken.
    """
    scale = np.float32(resized / pixels)
    taken = np.minimum(np.arange(pixels, dtype=np.float32) * scale, resized - 1).astype(np.int64)
    stride = padded // cells
    places = np.clip((taken - stride // 2) / stride, 0, cells - 1)
    below = np.floor(places).astype(np.int64)
    weights = np.zeros((pixels, cells), np.float32)
    rows = np.arange(pixels)
    weights[rows, np.minimum(below + 1, cells - 1)] = places - below
    weights[rows, below] += 1 - (places - below)
    return _plan(weights)


def _plan(weights: Values) -> AxisPlan:
    """Return the plan of a resize with these shares `(pixels, cells)`."""
    touched = weights != 0
    ends = len(weights) - touched[::-1].argmax(0)
    ends[~touched.any(0)] = 0
    return AxisPlan(csr_array(weights), touched.argmax(0), ends)
