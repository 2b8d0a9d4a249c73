"""A mask inside its box to the COCO run lengths of the whole picture, without drawing it."""

from typing import cast

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco


def picture_rle(crop: npt.NDArray[np.bool_], corner: tuple[int, int], size: tuple[int, int]) -> str:
    """Return the compressed COCO run-length string of a picture with one mask in it.

    Args:
        crop: `(h, w)` the mask inside its box.
        corner: x0, y0 of the box.
        size: (height, width) of the picture; the crop is inside.
    """
    height, width = size
    columns = np.zeros((crop.shape[1], crop.shape[0] + 2), np.int8)
    columns[:, 1:-1] = crop.T
    edges = np.diff(columns, axis=1)
    # Runs go down the columns: positions count pixels from the top left, column by column.
    bounds = np.concatenate([_positions(edges == sign, corner, height) for sign in (1, -1)])
    # A run that continues from the foot of one column at the head of the next has both there.
    bounds, times = np.unique(bounds, return_counts=True)
    bounds = bounds[times == 1]
    counts = np.diff(np.r_[0, bounds, height * width])
    counts = counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts
    runs = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return cast(bytes, runs["counts"]).decode("ascii")


def _positions(
    there: npt.NDArray[np.bool_], corner: tuple[int, int], height: int
) -> npt.NDArray[np.int64]:
    column, row = np.nonzero(there)
    return (corner[0] + column) * height + corner[1] + row
