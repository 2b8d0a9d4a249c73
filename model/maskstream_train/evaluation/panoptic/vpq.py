"""Video panoptic quality: PQ of segments joined over sliding windows of frames.

Source: behaviour of VIPSeg's `eval_vpq_vspw.py`, written anew; counts of pixels stand for masks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools, Floats, Ints
from maskstream_train.data.videos import Category
from maskstream_train.evaluation.panoptic.counts import (
    CountedVideo,
    MeasuredLines,
    SegmentTable,
    measured,
    summed,
)
from maskstream_train.evaluation.transience import Objects

WINDOWS = (1, 2, 4, 6, 8)
MEANS = {"mean_1_2_4_6": (1, 2, 4, 6), "mean_1_2_4_6_8": WINDOWS}
"""Papers quote the first, the script prints the second."""


@dataclass(frozen=True)
class Tubes:
    """Segments of a window joined by id, `N` of them, each as in the first frame that lists it.

    Attributes:
        classes: `(N,)`.
        crowd: `(N,)`.
        areas: `(N,)` pixels, frames summed.
        order: `(N,)` rank of appearance.
        counted: `(N,)` those that are measured.
    """

    classes: Ints
    crowd: Bools
    areas: Floats
    order: Ints
    counted: Bools


@dataclass(frozen=True)
class CountedWindow:
    """Some frames of a video; `shared (G + 1, D + 1)` pixels, the last row and column are void."""

    truth: Tubes
    found: Tubes
    shared: Floats


@dataclass(frozen=True)
class ClassCounts:
    """Per class `(K,)`: summed IoU of the right ones, how many are right, wrong, missed."""

    iou: Floats
    tp: Ints
    fp: Ints
    fn: Ints

    def __add__(self, other: "ClassCounts") -> "ClassCounts":
        """Return the counts of both."""
        return ClassCounts(
            self.iou + other.iou, self.tp + other.tp, self.fp + other.fp, self.fn + other.fn
        )


class VpqMetric:
    """Collects counts video by video, then sums them up.

    Args:
        categories: all classes.
        objects: those measured. Some of them only are things: a prediction that finds another
            object, or is mostly on such of its class, is neither right nor wrong, and means are
            over classes that have any object to be found.
    """

    def __init__(self, categories: Sequence[Category], objects: Objects = "all") -> None:
        self._categories = tuple(categories)
        self._objects: Objects = objects
        zeros = np.zeros(len(self._categories), dtype=np.int64)
        nothing = ClassCounts(zeros.astype(np.float64), zeros, zeros, zeros)
        self._counts = dict.fromkeys(WINDOWS, nothing)

    def add(self, video: CountedVideo) -> None:
        """Judge all windows of a video; one that is shorter than a window gives none."""
        things = np.array([item.thing for item in self._categories], dtype=bool)
        counted = measured(video, things, self._objects)
        for length in WINDOWS:
            for start in range(video.num_frames - length + 1):
                part = cut_window(video, counted, start, start + length)
                self._counts[length] += judge(part, len(self._categories))

    def as_json(self) -> dict[str, Any]:
        """Return `per_window` and the means, in percent; -1 where no class is defined."""
        every = self._objects == "all"
        parts = {k: _summary(counts, self._categories, every) for k, counts in self._counts.items()}
        means = {name: _mean_of([parts[k] for k in windows]) for name, windows in MEANS.items()}
        return {"per_window": {str(k): part for k, part in parts.items()}, **means}


def cut_window(video: CountedVideo, counted: MeasuredLines, start: int, end: int) -> CountedWindow:
    """Return frames `start` to `end`, the last left out, with their segments joined."""
    truth, true_of = _join(video.truth, counted.truth, start, end)
    found, found_of = _join(video.found, counted.found, start, end)
    low, high = np.searchsorted(video.pairs.frames, [start, end])
    rows = true_of[video.pairs.truth[low:high]]
    columns = found_of[video.pairs.found[low:high]]
    shape = (len(truth.classes) + 1, len(found.classes) + 1)
    places = rows * shape[1] + columns
    shared = summed(places, video.pairs.counts[low:high], shape[0] * shape[1])
    return CountedWindow(truth, found, shared.reshape(shape))


def _join(table: SegmentTable, counted: Bools, start: int, end: int) -> tuple[Tubes, Ints]:
    """Return the tubes of a window, and the tube of each line `(L + 1,)`; void is the last."""
    low, high = np.searchsorted(table.frames, [start, end])
    ids, first, inverse = np.unique(table.ids[low:high], return_index=True, return_inverse=True)
    tubes = Tubes(
        table.classes[low:high][first],
        table.crowd[low:high][first],
        summed(inverse, table.areas[low:high], len(ids)),
        first,
        counted[low:high][first],
    )
    tube_of = np.full(len(table.ids) + 1, len(ids), dtype=np.int64)
    tube_of[low:high] = inverse
    return tubes, tube_of


def judge(window: CountedWindow, num_classes: int) -> ClassCounts:
    """Match tubes of one class that overlap by more than half, void left out of the union."""
    truth, found, void = window.truth, window.found, window.shared[-1, :-1]
    shared = window.shared[:-1, :-1]
    joint = found.areas[None] + truth.areas[:, None] - shared - void[None]
    alike = truth.classes[:, None] == found.classes[None]
    able = alike & ~truth.crowd[:, None] & (joint > 0)
    ious = np.divide(shared, joint, out=np.zeros_like(shared), where=able)
    hits = ious > 0.5
    right = hits & truth.counted[:, None]
    rows, _ = np.nonzero(right)
    missed = ~hits.any(axis=1) & ~truth.crowd & truth.counted
    wrong = ~hits.any(axis=0) & ~_excused(window, alike, num_classes) & found.counted
    return ClassCounts(
        summed(truth.classes[rows], ious[right], num_classes),
        np.bincount(truth.classes[rows], minlength=num_classes),
        np.bincount(found.classes[wrong], minlength=num_classes),
        np.bincount(truth.classes[missed], minlength=num_classes),
    )


def _excused(window: CountedWindow, alike: Bools, num_classes: int) -> Bools:
    """Return which predictions `(D,)` lie mostly on void and on the last crowd of their class.

    Objects of their class (`alike (G, D)`) that are not measured excuse them too.
    """
    truth, found = window.truth, window.found
    crowds = np.flatnonzero(truth.crowd)
    crowd_of = np.full(num_classes, len(truth.classes), dtype=np.int64)
    for row in crowds[np.argsort(truth.order[crowds])]:
        crowd_of[truth.classes[row]] = row
    rows = crowd_of[found.classes]
    on_crowd = window.shared[rows, np.arange(len(rows))] * (rows < len(truth.classes))
    others = alike & ~(truth.counted | truth.crowd)[:, None]
    on_others = (window.shared[:-1, :-1] * others).sum(axis=0)
    return np.asarray((window.shared[-1, :-1] + on_crowd + on_others) / found.areas > 0.5)


def _summary(counts: ClassCounts, categories: Sequence[Category], every: bool) -> dict[str, Any]:
    total = counts.tp + counts.fp / 2 + counts.fn / 2
    seen = (total if every else counts.tp + counts.fn) > 0
    quality = 100 * counts.iou / np.maximum(total, 0.5)
    things = np.array([item.thing for item in categories], dtype=bool)
    return {
        "VPQ": _mean(quality[seen]),
        "VPQ_things": _mean(quality[seen & things]),
        "VPQ_stuff": _mean(quality[seen & ~things]),
        "SQ": _mean(100 * (counts.iou / np.maximum(counts.tp, 1))[seen]),
        "RQ": _mean(100 * (counts.tp / np.maximum(total, 0.5))[seen]),
        "n_classes": int(seen.sum()),
        "n_things": int((seen & things).sum()),
        "n_stuff": int((seen & ~things).sum()),
        "per_class": {
            str(item.id): {
                "pq": float(quality[index]),
                "iou": float(counts.iou[index]),
                "tp": int(counts.tp[index]),
                "fp": int(counts.fp[index]),
                "fn": int(counts.fn[index]),
            }
            for index, item in enumerate(categories)
        },
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else -1.0


def _mean_of(windows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean over windows; -1 where one of them is not defined."""
    columns = {k: [part[k] for part in windows] for k in ("VPQ", "VPQ_things", "VPQ_stuff")}
    return {
        name: float(np.mean(values)) if min(values) >= 0 else -1.0
        for name, values in columns.items()
    }
