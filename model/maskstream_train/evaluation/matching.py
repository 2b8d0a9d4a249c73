"""Greedy matching of detected tubes to true tubes, as the YouTube-VIS evaluator does it.

Source: behaviour of youtubevos/cocoapi `ytvoseval.py` (`evaluateVid`), written anew and vectorised
over the ten IoU thresholds.
"""

from dataclasses import dataclass, replace

import numpy as np

from maskstream_model.aliases import Bools, Floats, Ints

IOU_THRESHOLDS: tuple[float, ...] = tuple(float(t) for t in np.linspace(0.5, 0.95, 10))
MAX_DETECTIONS = 100
"""Of a class in a video; the best ones count."""
EMERGES, DISAPPEARS = 1, 2
"""What an object does inside a clip: it is not on the first frame; it is not on the last."""


@dataclass(frozen=True)
class TubeOverlaps:
    """All that average precision needs of one video: no masks, only how tubes overlap.

    Attributes:
        ious: `(D, G)` intersection over union of whole tubes, summed over frames.
        scores: `(D,)` confidence of the detections.
        labels: `(D,)` class of the detections.
        areas: `(D,)` mean area in pixels over the frames that have a mask, 0 where none has.
        truth_labels: `(G,)` class of the true objects.
        truth_areas: `(G,)` like `areas`.
        crowd: `(G,)` true objects that stand for many; matching them is neither right nor wrong.
        occlusion: `(G,)` 0 to 1, None where the data set does not say.
        events: `(G,)` sums of `EMERGES` and `DISAPPEARS`, None where nobody looked.
    """

    ious: Floats
    scores: Floats
    labels: Ints
    areas: Floats
    truth_labels: Ints
    truth_areas: Floats
    crowd: Bools
    occlusion: Floats | None = None
    events: Ints | None = None

    def of_class(self, label: int) -> "TubeOverlaps":
        """Return the part of one class, best scores first, at most `MAX_DETECTIONS` of them."""
        truth = np.flatnonzero(self.truth_labels == label)
        found = np.flatnonzero(self.labels == label)
        found = found[np.argsort(-self.scores[found], kind="stable")][:MAX_DETECTIONS]
        return TubeOverlaps(
            self.ious[np.ix_(found, truth)],
            self.scores[found],
            self.labels[found],
            self.areas[found],
            self.truth_labels[truth],
            self.truth_areas[truth],
            self.crowd[truth],
            None if self.occlusion is None else self.occlusion[truth],
            None if self.events is None else self.events[truth],
        )

    def agnostic(self) -> "TubeOverlaps":
        """Return the same video with every label 0."""
        labels, truth_labels = np.zeros_like(self.labels), np.zeros_like(self.truth_labels)
        return replace(self, labels=labels, truth_labels=truth_labels)


@dataclass(frozen=True)
class Matches:
    """Verdicts over one class in one video; `R` is the number of IoU thresholds.

    Attributes:
        scores: `(D,)` falling.
        right: `(R, D)` detections that found a true object of their own.
        ignored: `(R, D)` detections that count neither as right nor as wrong.
        num_truth: true objects that ought to be found.
    """

    scores: Floats
    right: Bools
    ignored: Bools
    num_truth: int


def match(ious: Floats, ignorable: Bools, crowd: Bools) -> tuple[Bools, Bools]:
    """Give each detection, best first, the free true object that it overlaps most.

    Objects that count come before ignorable ones whatever their overlap; of equal overlaps the
    later object wins; a crowd may be taken many times.

    Args:
        ious: `(D, G)`, detections by falling score.
        ignorable: `(G,)` true objects that do not count.
        crowd: `(G,)`.

    Returns:
        `matched (R, D)`, and `ignored (R, D)`: matched to an object that does not count.
    """
    num_found, num_truth = ious.shape
    matched = np.zeros((len(IOU_THRESHOLDS), num_found), dtype=bool)
    ignored = np.zeros_like(matched)
    if num_truth == 0:
        return matched, ignored
    least = np.minimum(np.array(IOU_THRESHOLDS), 1 - 1e-10)[:, None]
    taken = np.zeros((len(IOU_THRESHOLDS), num_truth), dtype=bool)
    for index, row in enumerate(ious):
        # (R, G): an object that counts outranks any that does not, overlaps being at most 1
        rank = np.where((row >= least) & (~taken | crowd), row + 2.0 * ~ignorable, -1.0)
        best = num_truth - 1 - np.argmax(rank[:, ::-1], axis=1)
        found = np.take_along_axis(rank, best[:, None], axis=1)[:, 0] >= 0
        matched[:, index] = found
        ignored[:, index] = found & ignorable[best]
        taken[np.flatnonzero(found), best[found]] = True
    return matched, ignored
