"""Region similarity J and contour accuracy F of a mask on a frame, as DAVIS defines them."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from maskstream_model.aliases import Bools, Size

TOLERANCE = 0.008
"""How far two contours may lie apart, as a share of the picture's diagonal."""


@dataclass(frozen=True)
class Shape:
    """A mask with its contour, so that it can be compared with several others.

    Attributes:
        mask: `(height, width)`.
        contour: its pixels; see `contour`.
        near: pixels within the tolerance of one of them.
    """

    mask: Bools
    contour: Bools
    near: Bools

    @classmethod
    def of(cls, mask: Bools) -> "Shape":
        """Return the shape of a mask `(height, width)`."""
        edge = contour(mask)
        if not edge.any():
            return cls(mask, edge, edge)
        # A disk of whole pixels: those whose centres are within the reach.
        near = distance_transform_edt(~edge) <= reach(mask.shape)
        return cls(mask, edge, near)


def reach(size: Size) -> int:
    """Return the tolerance in pixels of a picture `(height, width)`."""
    return math.ceil(TOLERANCE * math.hypot(*size))


def contour(mask: Bools) -> Bools:
    """Return the pixels that differ from the one right of, below, or right below them.

    At the edge of the picture nothing differs: a mask that fills it has no contour.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    differs: Bools = (
        (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])
    )
    return differs


def region_similarity(found: Shape, truth: Shape) -> float:
    """Return J, the intersection over the union; 1 where both are empty."""
    union = np.count_nonzero(found.mask | truth.mask)
    return 1.0 if union == 0 else np.count_nonzero(found.mask & truth.mask) / union


def contour_accuracy(found: Shape, truth: Shape) -> float:
    """Return F, the harmonic mean of the contours' precision and recall.

    Precision is the share of the found contour that lies near the true one, 1 where nothing was
    found; recall the reverse.
    """
    precision = _share(found.contour, truth.near)
    recall = _share(truth.contour, found.near)
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _share(pixels: Bools, near: Bools) -> float:
    count = np.count_nonzero(pixels)
    return np.count_nonzero(pixels & near) / count if count else 1.0
