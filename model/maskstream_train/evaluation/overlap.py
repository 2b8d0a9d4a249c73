"""Counts of shared pixels between predicted and true masks, frame by frame.

Everything that evaluation knows comes from these counts, so a mask can be forgotten as soon as its
frame has been counted.
"""

from dataclasses import dataclass

import numpy as np

from maskstream_model.aliases import Bools, Floats, Ints


@dataclass(frozen=True)
class FrameOverlaps:
    """Pixels of one frame: `areas (D,)`, `truth_areas (G,)`, `intersections (D, G)`."""

    areas: Ints
    truth_areas: Ints
    intersections: Ints


def count_overlaps(masks: Bools, truth: Bools) -> FrameOverlaps:
    """Count the pixels of masks `(D, height, width)` and `(G, height, width)` and of each pair."""
    areas, truth_areas = _areas(masks), _areas(truth)
    intersections = np.zeros((len(masks), len(truth)), dtype=np.int64)
    # few masks of a frame are not empty: pair by pair is quicker than one product of all
    for column in np.flatnonzero(truth_areas):
        for row in np.flatnonzero(areas):
            intersections[row, column] = np.count_nonzero(masks[row] & truth[column])
    return FrameOverlaps(areas, truth_areas, intersections)


def _areas(masks: Bools) -> Ints:
    return np.array([np.count_nonzero(mask) for mask in masks], dtype=np.int64)


def tube_ious(
    areas: Ints, truth_areas: Ints, intersections: Ints, paired: Bools | None = None
) -> Floats:
    """Return the IoU `(D, G)` of whole tubes: shared pixels over joint pixels, frames summed.

    Args:
        areas: `(T, D)`.
        truth_areas: `(T, G)`.
        intersections: `(T, D, G)`.
        paired: `(T, D)` frames that count for a detection; all where left out.
    """
    counted = np.ones(areas.shape, dtype=np.int64) if paired is None else paired.astype(np.int64)
    shared = intersections.sum(axis=0).astype(np.float64)
    joint = (areas * counted).sum(axis=0)[:, None] + counted.T @ truth_areas - shared
    ious: Floats = np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0)
    return ious


def mean_areas(areas: Ints) -> Floats:
    """Return the mean area over the frames of `(T, D)` that have any pixel, 0 where none has."""
    frames = np.count_nonzero(areas, axis=0)
    return np.asarray(areas.sum(axis=0) / np.maximum(frames, 1), dtype=np.float64)
