"""Counts of shared pixels between predicted and true masks, frame by frame.

Everything that evaluation knows comes from these counts, so a mask can be forgotten as soon as its
frame has been counted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_model.evaluation.matching import Bools, Floats, Ints


@dataclass(frozen=True)
class FrameOverlaps:
    """Pixels of one frame: `areas (D,)`, `truth_areas (G,)`, `intersections (D, G)`."""

    areas: Ints
    truth_areas: Ints
    intersections: Ints


def count_overlaps(masks: Bools, truth: Bools) -> FrameOverlaps:
    """Count the pixels of masks `(D, height, width)` and `(G, height, width)` and of each pair."""
    pixels = masks.shape[1] * masks.shape[2]
    # float32 counts exactly up to 2^24, and its matrix product is far quicker than integers'
    exact: type[np.floating[Any]] = np.float32 if pixels <= 1 << 24 else np.float64
    left: npt.NDArray[Any] = masks.reshape(len(masks), pixels).astype(exact)
    right: npt.NDArray[Any] = truth.reshape(len(truth), pixels).astype(exact)
    return FrameOverlaps(
        left.sum(axis=1, dtype=np.float64).astype(np.int64),
        right.sum(axis=1, dtype=np.float64).astype(np.int64),
        (left @ right.T).astype(np.int64),
    )


def tube_ious(areas: Ints, truth_areas: Ints, intersections: Ints) -> Floats:
    """Return the IoU `(D, G)` of whole tubes: shared pixels over joint pixels, frames summed.

    Args:
        areas: `(T, D)`.
        truth_areas: `(T, G)`.
        intersections: `(T, D, G)`.
    """
    shared = intersections.sum(axis=0).astype(np.float64)
    joint = areas.sum(axis=0)[:, None] + truth_areas.sum(axis=0)[None] - shared
    ious: Floats = np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0)
    return ious


def mean_areas(areas: Ints) -> Floats:
    """Return the mean area over the frames of `(T, D)` that have any pixel, 0 where none has."""
    frames = np.count_nonzero(areas, axis=0)
    return np.asarray(areas.sum(axis=0) / np.maximum(frames, 1), dtype=np.float64)
