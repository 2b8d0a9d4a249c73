"""Consecutive pictures of a packed video with the same objects in the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from maskstream_model.aliases import Bools, Floats, Frame, Ints
from maskstream_train.data.packed import PackedFrame

IOU_MIN = 0.1
"""Least overlap of an object with itself on the next picture, where others are of its class."""


@dataclass(frozen=True)
class PackedClip:
    """Pictures of one video, or one picture several times.

    Attributes:
        frames: `T` pictures `(h, w, 3)` uint8.
        masks: `(T, O, h, w)` bool.
        labels: `(O,)`.
        certainties: `(O,)` 0 to 1.
        ignored: `(T, h, w)` uint8.
    """

    frames: Sequence[Frame]
    masks: Bools
    labels: Ints
    certainties: Floats
    ignored: npt.NDArray[np.uint8]


def repeated(shown: PackedFrame, count: int) -> PackedClip:
    """Return one picture `count` times, without copying it."""
    return PackedClip(
        [shown.frame] * count,
        np.broadcast_to(shown.masks, (count, *shown.masks.shape)),
        shown.labels,
        shown.certainties,
        np.broadcast_to(shown.ignored, (count, *shown.ignored.shape)),
    )


def joined(shown: Sequence[PackedFrame]) -> PackedClip:
    """Join pictures of one size; objects are told apart by class and overlap from one to the next.

    An object that is not marked on a picture has an empty mask there.
    """
    rows = [np.arange(len(shown[0].labels))]
    labels = list(shown[0].labels)
    for before, after in pairwise(shown):
        found = _successors(before, after)
        new = np.full(len(after.labels), -1)
        new[found >= 0] = rows[-1][found[found >= 0]]
        for item in np.flatnonzero(new < 0):
            new[item] = len(labels)
            labels.append(after.labels[item])
        rows.append(new)
    size = shown[0].masks.shape[1:]
    masks = np.zeros((len(shown), len(labels), *size), bool)
    certainties, seen = np.zeros(len(labels)), np.zeros(len(labels))
    for number, (one, places) in enumerate(zip(shown, rows, strict=True)):
        masks[number, places] = one.masks
        certainties[places] += one.certainties
        seen[places] += 1
    return PackedClip(
        [one.frame for one in shown],
        masks,
        np.array(labels, np.int64),
        certainties / np.maximum(seen, 1),
        np.stack([one.ignored for one in shown]),
    )


def _successors(before: PackedFrame, after: PackedFrame) -> Ints:
    """Return for each object of `after` which one of `before` it is, -1 for a new one."""
    found = np.full(len(after.labels), -1)
    for label in np.unique(after.labels):
        olds, news = np.flatnonzero(before.labels == label), np.flatnonzero(after.labels == label)
        if len(olds) == len(news) == 1:
            found[news] = olds
            continue
        ious = _ious(before.masks[olds], after.masks[news])
        for old, new in zip(*linear_sum_assignment(ious, maximize=True), strict=True):
            if ious[old, new] >= IOU_MIN:
                found[news[new]] = olds[old]
    return found


def _ious(some: Bools, others: Bools) -> Floats:
    one, other = (masks.reshape(len(masks), -1).astype(np.float32) for masks in (some, others))
    shared = one @ other.T
    joint = one.sum(1)[:, None] + other.sum(1)[None] - shared
    return np.asarray(shared / np.maximum(joint, 1.0), np.float64)
