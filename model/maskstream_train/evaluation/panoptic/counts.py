"""All that VPQ and STQ need of one video: which segments there are and how many pixels they share.

Pictures are forgotten as soon as their frame has been counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maskstream_model.aliases import Bools, Floats, Ints
from maskstream_train.data.panoptic import MAX_ID, Ids
from maskstream_train.evaluation.transience import Objects, chosen


@dataclass(frozen=True)
class SegmentTable:
    """Segments of one side of a video: `L` lines, one per frame and segment, in listed order.

    Attributes:
        frames: `(L,)` rising.
        ids: `(L,)` 1 to `MAX_ID`; the same id is the same segment, in every frame.
        classes: `(L,)` index of the category.
        crowd: `(L,)` segments that stand for many.
        areas: `(L,)` pixels.
    """

    frames: Ints
    ids: Ints
    classes: Ints
    crowd: Bools
    areas: Ints

    @staticmethod
    def joined(parts: "Sequence[SegmentTable]") -> "SegmentTable":
        """Return the lines of several tables, one after the other."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return SegmentTable(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class PixelPairs:
    """Pixels shared by a true and a predicted segment of a frame, `M` pairs.

    Attributes:
        frames: `(M,)` rising.
        truth: `(M,)` line in the table of true segments, -1 for void.
        found: `(M,)` the same in the table of predicted ones.
        counts: `(M,)` pixels.
    """

    frames: Ints
    truth: Ints
    found: Ints
    counts: Ints


@dataclass(frozen=True)
class CountedVideo:
    """One video, counted."""

    name: str
    num_frames: int
    truth: SegmentTable
    found: SegmentTable
    pairs: PixelPairs


@dataclass(frozen=True)
class MeasuredLines:
    """Lines of both tables of a video that are measured: `truth (L,)`, `found (L,)`."""

    truth: Bools
    found: Bools


def measured(video: CountedVideo, things: Bools, objects: Objects) -> MeasuredLines:
    """Return the lines that are measured; stuff never is where only some objects are.

    Args:
        video: counted.
        things: `(K,)` by class.
        objects: those meant.
    """
    truth, found = video.truth, video.found
    if objects == "all":
        return MeasuredLines(
            np.ones(len(truth.ids), dtype=bool), np.ones(len(found.ids), dtype=bool)
        )
    ids, inverse = np.unique(truth.ids, return_inverse=True)
    visible = np.zeros((video.num_frames, len(ids)), dtype=bool)
    visible[truth.frames, inverse] = truth.areas > 0
    return MeasuredLines(
        chosen(visible, objects)[inverse] & things[truth.classes], things[found.classes]
    )


def summed(places: Ints, values: Ints | Floats, length: int) -> Floats:
    """Return the sums `(length,)` of the values `(M,)` that belong to each place `(M,)`."""
    return np.asarray(np.bincount(places, weights=values, minlength=length), dtype=np.float64)


def shared_ids(truth: Ids, found: Ids) -> tuple[Ints, Ints, Ints]:
    """Return true ids, predicted ids and pixel counts `(M,)` of all pairs in a frame.

    Only where a run of equal pixels ends is looked at, so that few numbers have to be sorted.

    Args:
        truth: `(height, width)` ids.
        found: `(height, width)` ids.
    """
    keys = truth.astype(np.int64).ravel() << 24 | found.ravel()
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]), keys.size - 1)
    runs = np.diff(ends, prepend=-1)
    pairs, inverse = np.unique(keys[ends], return_inverse=True)
    counts = summed(inverse, runs, len(pairs)).astype(np.int64)
    return pairs >> 24, pairs & MAX_ID, counts
