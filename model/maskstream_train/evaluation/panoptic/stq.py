"""Segmentation and tracking quality: how well pixels are classed, and how well instances are kept.

Source: behaviour of DeepLab2's `segmentation_and_tracking_quality.py` (numpy), and of VIPSeg's
script around its copy, written anew; counts of pixels stand for masks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from maskstream_model.aliases import Bools, Floats, Ints
from maskstream_train.data.videos import Category
from maskstream_train.evaluation.panoptic.counts import (
    CountedVideo,
    SegmentTable,
    summed,
)

CrowdRule = Callable[[SegmentTable], Bools]


def first_listed(truth: SegmentTable) -> Bools:
    """Return the lines `(L,)` of the first listed segment, which VIPSeg's script takes for a crowd.

    It numbers instances from 0, which the library reads as "crowd" where the segment is a thing;
    `iscrowd` is not looked at.
    """
    return np.asarray(truth.ids == truth.ids[:1])


def marked_crowd(truth: SegmentTable) -> Bools:
    """Return the lines `(L,)` that are marked as crowd."""
    return truth.crowd


@dataclass(frozen=True)
class Association:
    """Of one video: summed association of its true tubes, and how many tubes there are."""

    total: float
    num_tubes: int

    @property
    def quality(self) -> float:
        """Mean over tubes, 0 where there is none."""
        return self.total / max(self.num_tubes, 1)


@dataclass(frozen=True)
class StqVideo:
    """The numbers of one video; `iou` is -1 where all of it is void."""

    name: str
    num_frames: int
    association: Association
    iou: float

    @property
    def stq(self) -> float:
        """Geometric mean of association and IoU."""
        return _geometric(self.association.quality, self.iou)


@dataclass(frozen=True)
class StqSummary:
    """Fractions of 1; -1 where nothing is defined."""

    aq: float
    sq: float
    videos: Sequence[StqVideo]

    @property
    def stq(self) -> float:
        """Geometric mean of association and segmentation quality."""
        return _geometric(self.aq, self.sq)

    def as_json(self, lengths: bool) -> dict[str, object]:
        """Return the numbers as the reference cases name them, with lengths of videos if asked."""
        videos = self.videos
        scores: dict[str, object] = {
            **{"STQ": self.stq, "AQ": self.aq, "SQ": self.sq},
            "videos": [video.name for video in videos],
            "STQ_per_seq": [video.stq for video in videos],
            "AQ_per_seq": [video.association.quality for video in videos],
            "IoU_per_seq": [video.iou for video in videos],
        }
        return scores | ({"length_per_seq": [v.num_frames for v in videos]} if lengths else {})


class StqMetric:
    """Collects counts video by video, then sums them up.

    Args:
        categories: all classes.
        crowd: marks the true segments that, where they are things, take no part in association.
    """

    def __init__(self, categories: Sequence[Category], crowd: CrowdRule) -> None:
        self._crowd = crowd
        # the last class is void, which is no thing
        self._things = np.array([*(item.thing for item in categories), False], dtype=bool)
        self._confusion = np.zeros((len(self._things), len(self._things)))
        self._videos: list[StqVideo] = []

    def add(self, video: CountedVideo) -> None:
        """Count one video."""
        confusion = count_classes(video, len(self._things))
        self._confusion += confusion
        association = associate(video, self._things, self._crowd(video.truth))
        self._videos.append(
            StqVideo(video.name, video.num_frames, association, mean_iou(confusion))
        )

    def summary(self) -> StqSummary:
        """Return the numbers of all videos so far."""
        parts = [video.association for video in self._videos]
        every = Association(sum(p.total for p in parts), sum(p.num_tubes for p in parts))
        return StqSummary(every.quality, mean_iou(self._confusion), tuple(self._videos))


def count_classes(video: CountedVideo, num_classes: int) -> Floats:
    """Return pixels by true class (rows) and predicted class (columns); the last is void."""
    rows = _pixel_classes(video.truth, video.pairs.truth, num_classes)
    columns = _pixel_classes(video.found, video.pairs.found, num_classes)
    counts = summed(rows * num_classes + columns, video.pairs.counts, num_classes**2)
    return counts.reshape(num_classes, num_classes)


def mean_iou(confusion: Floats) -> float:
    """Return the mean IoU of the classes that occur; -1 where none does.

    True void is left out; predicted void counts as one more class that is never right.
    """
    kept = confusion.copy()
    kept[-1] = 0
    right = kept.diagonal()
    joint = kept.sum(axis=0) + kept.sum(axis=1) - right
    seen = joint > 0
    return float(np.mean(right[seen] / joint[seen])) if seen.any() else -1.0


def associate(video: CountedVideo, things: Bools, crowd: Bools) -> Association:
    """Weigh how far each true tube is covered by predicted ones that cover little else.

    Args:
        video: counted.
        things: `(K + 1,)` by class, void last.
        crowd: `(L,)` true segments that take no part, where they are things.
    """
    pairs = video.pairs
    truth_things = things[_pixel_classes(video.truth, pairs.truth, len(things))]
    found_things = things[_pixel_classes(video.found, pairs.found, len(things))]
    counted = ~(np.append(crowd, False)[pairs.truth] & truth_things)
    truth_sizes, true = _tubes(video.truth, pairs.truth, pairs.counts, truth_things & counted)
    found_sizes, found = _tubes(video.found, pairs.found, pairs.counts, found_things & counted)
    both = truth_things & found_things & counted
    keys, inverse = np.unique(true[both] * len(found_sizes) + found[both], return_inverse=True)
    shared = summed(inverse, pairs.counts[both], len(keys))
    rows, columns = np.divmod(keys, max(len(found_sizes), 1))
    joint = truth_sizes[rows] + found_sizes[columns] - shared
    total = float(np.sum(shared * shared / joint / truth_sizes[rows]))
    return Association(total, int(np.count_nonzero(truth_sizes)))


def _tubes(table: SegmentTable, lines: Ints, counts: Ints, kept: Bools) -> tuple[Floats, Ints]:
    """Return pixels of each tube `(N,)`, those kept, and the tube of each pair `(M,)`.

    An id that changes its class makes a tube of each.
    """
    keys, inverse = np.unique(table.classes << 24 | table.ids, return_inverse=True)
    tubes = np.append(inverse, -1)[lines]
    return summed(tubes[kept], counts[kept], len(keys)), tubes


def _pixel_classes(table: SegmentTable, lines: Ints, num_classes: int) -> Ints:
    return np.append(table.classes, num_classes - 1)[lines]


def _geometric(first: float, second: float) -> float:
    return -1.0 if min(first, second) < 0 else float(np.sqrt(first * second))
