"""Average precision and recall of video instances, as the YouTube-VIS and OVIS evaluators say.

Source: behaviour of youtubevos/cocoapi `ytvoseval.py` and of OVIS' `oviseval.py`, written anew.
Videos are added one by one and only verdicts are kept, so memory does not grow with masks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from maskstream_model.aliases import Bools, Floats
from maskstream_train.evaluation.matching import (
    DISAPPEARS,
    EMERGES,
    IOU_THRESHOLDS,
    Matches,
    TubeOverlaps,
    match,
)

RECALL_POINTS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Stratum:
    """A part of the true objects; `suffix` names it in the summary ("" is all of them).

    Attributes:
        area: smallest and largest mean area in square pixels, both included. Detections outside
            that match nothing are not held against the model.
        occlusion: the same for occlusion; None takes all.
        events: sum of `EMERGES` and `DISAPPEARS`, of which an object does at least one; 0 takes
            all (paper, Table A2).
    """

    suffix: str
    area: tuple[float, float] = (0.0, 1e10)
    occlusion: tuple[float, float] | None = None
    events: int = 0

    def holds(self, video: TubeOverlaps) -> Bools:
        """Return which true objects `(G,)` belong to this part."""
        inside = (video.truth_areas >= self.area[0]) & (video.truth_areas <= self.area[1])
        if self.events and video.events is not None:
            inside = inside & ((video.events & self.events) > 0)
        if self.occlusion is None or video.occlusion is None:
            return inside
        low, high = self.occlusion
        return inside & (video.occlusion >= low) & (video.occlusion <= high)


YTVIS_STRATA = (
    Stratum(""),
    Stratum("s", area=(0.0, 128.0**2)),
    Stratum("m", area=(128.0**2, 256.0**2)),
    Stratum("l", area=(256.0**2, 1e10)),
)
OVIS_STRATA = (
    *YTVIS_STRATA,
    Stratum("_occ_light", occlusion=(0.0, 0.25)),
    Stratum("_occ_medium", occlusion=(0.25, 0.5)),
    Stratum("_occ_heavy", occlusion=(0.5, 1.0)),
)
EVENT_STRATA = (
    *YTVIS_STRATA,
    Stratum("_emerging", events=EMERGES),
    Stratum("_disappearing", events=DISAPPEARS),
    Stratum("_either", events=EMERGES | DISAPPEARS),
)


@dataclass(frozen=True)
class VisSummary:
    """Fractions of 1 by name (`AP`, `AP50`, `AR10`, ...); -1 where nothing was to be found."""

    overall: Mapping[str, float]
    per_class: Mapping[int, Mapping[str, float]]


class VisMetric:
    """Collects verdicts video by video, then sums them up.

    Args:
        classes: labels that count; detections of other classes are left aside.
        strata: parts of the objects that get numbers of their own; the first must be all.
    """

    def __init__(self, classes: Sequence[int], strata: Sequence[Stratum] = YTVIS_STRATA) -> None:
        self._strata = tuple(strata)
        self._matches: dict[int, list[list[Matches]]] = {
            label: [[] for _ in self._strata] for label in classes
        }

    def add(self, video: TubeOverlaps) -> None:
        """Judge one video; add videos by rising id, since ties in score keep that order."""
        for label, kept in self._matches.items():
            part = video.of_class(label)
            if part.ious.size or len(part.scores) or len(part.truth_labels):
                for stratum, matches in zip(self._strata, kept, strict=True):
                    matches.append(_judge(part, stratum))

    def summary(self) -> VisSummary:
        """Return the numbers of all videos so far."""
        curves = {
            label: [_Curve.of(matches) for matches in kept] for label, kept in self._matches.items()
        }
        per_class = {label: _named([parts], self._strata) for label, parts in curves.items()}
        return VisSummary(_named(list(curves.values()), self._strata), per_class)


def _judge(part: TubeOverlaps, stratum: Stratum) -> Matches:
    ignorable = part.crowd | ~stratum.holds(part)
    matched, ignored = match(part.ious, ignorable, part.crowd)
    outside = (part.areas < stratum.area[0]) | (part.areas > stratum.area[1])
    return Matches(
        part.scores,
        matched & ~ignored,
        ignored | (~matched & outside[None]),
        int((~ignorable).sum()),
    )


@dataclass(frozen=True)
class _Curve:
    """Of one class in one stratum: precision `(R,)` and recall `(R,)` by detections per video."""

    precision: Floats
    recall: Mapping[int, Floats]

    @staticmethod
    def of(matches: Sequence[Matches]) -> "_Curve | None":
        """Return the curve, None where no object was to be found."""
        num_truth = sum(video.num_truth for video in matches)
        if num_truth == 0:
            return None
        right, wrong = _by_score(matches)
        recall = {k: _right(matches, k) / num_truth for k in (1, 10, 100)}
        return _Curve(_average_precision(right, wrong, num_truth), recall)


def _by_score(matches: Sequence[Matches]) -> tuple[Floats, Floats]:
    """Return running counts `(R, D)` of right and wrong detections, best score first."""
    order = np.argsort(-np.concatenate([video.scores for video in matches]), kind="stable")
    right = np.concatenate([video.right for video in matches], axis=1)[:, order]
    ignored = np.concatenate([video.ignored for video in matches], axis=1)[:, order]
    wrong = ~right & ~ignored
    return right.cumsum(axis=1, dtype=np.float64), wrong.cumsum(axis=1, dtype=np.float64)


def _right(matches: Sequence[Matches], limit: int) -> Floats:
    """Return how many are found `(R,)` by the best `limit` detections of each video."""
    counts = [video.right[:, :limit].sum(axis=1) for video in matches]
    return np.asarray(np.sum(counts, axis=0), dtype=np.float64)


def _average_precision(right: Floats, wrong: Floats, num_truth: int) -> Floats:
    """Return the mean precision `(R,)` at 101 points of recall, 0 where recall never gets there."""
    result = np.zeros(len(IOU_THRESHOLDS))
    recall = right / num_truth
    precision = right / (right + wrong + np.spacing(1.0))
    # each point takes the best precision at its recall or beyond
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for row in range(len(IOU_THRESHOLDS)):
        places = np.searchsorted(recall[row], RECALL_POINTS, side="left")
        reached = places[places < recall.shape[1]]
        result[row] = envelope[row][reached].sum() / len(RECALL_POINTS)
    return result


def _named(classes: list[list["_Curve | None"]], strata: Sequence[Stratum]) -> dict[str, float]:
    """Return the named numbers over some classes; those without objects are left out."""
    named: dict[str, float] = {}
    for index, stratum in enumerate(strata):
        curves = [parts[index] for parts in classes]
        defined = [curve for curve in curves if curve is not None]
        precision = [curve.precision for curve in defined]
        named[f"AP{stratum.suffix}"] = _mean(precision)
        if stratum.events or not stratum.suffix:
            named[f"AP50{stratum.suffix}"] = _mean([values[0] for values in precision])
        if not stratum.suffix:
            named["AP75"] = _mean([values[5] for values in precision])
            for limit in (1, 10):
                named[f"AR{limit}"] = _mean([curve.recall[limit] for curve in defined])
        recall = [curve.recall[100] for curve in defined]
        named[f"AR{stratum.suffix or 100}"] = _mean(recall)
    return named


def _mean(values: Sequence[Floats] | Sequence[np.float64]) -> float:
    return float(np.mean(np.asarray(values))) if len(values) else -1.0
