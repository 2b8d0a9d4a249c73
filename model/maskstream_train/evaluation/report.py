"""The numbers of one evaluation, collected video by video."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from maskstream_train.evaluation.identity import IdentityCounts, count_identities
from maskstream_train.evaluation.records import EvaluatedVideo
from maskstream_train.evaluation.vis_metrics import (
    YTVIS_STRATA,
    Stratum,
    VisMetric,
    VisSummary,
)

RATIOS = (
    *("emergence_recall", "disappearance_recall", "unswitched_share", "switches_per_object"),
    *("recall", "precision", "track_precision"),
)
"""Properties of `IdentityCounts` that are reported."""


@dataclass(frozen=True)
class ClipReport:
    """What a model was worth on some clips.

    Attributes:
        num_clips: clips seen.
        num_frames: frames seen.
        by_class: average precision with classes; meaningless where classes are not the model's.
        agnostic: average precision with all classes taken as one.
        identities: emergence, disappearance, switches, precision; without classes.
    """

    num_clips: int
    num_frames: int
    by_class: VisSummary
    agnostic: VisSummary
    identities: IdentityCounts

    def ratios(self) -> dict[str, float]:
        """Return the ratios of `identities` by name, fractions of 1; -1 where undefined."""
        return {name: getattr(self.identities, name) for name in RATIOS}

    def as_json(self, by_class: bool = True) -> dict[str, Any]:
        """Return everything as plain values; without `vis` where classes mean nothing."""
        return {
            "num_clips": self.num_clips,
            "num_frames": self.num_frames,
            **({"vis": dict(self.by_class.overall)} if by_class else {}),
            "vis_agnostic": dict(self.agnostic.overall),
            "identity": self.ratios(),
            "counts": asdict(self.identities),
        }


class ReportBuilder:
    """Takes records of videos by rising id; keeps verdicts and counts only.

    Args:
        num_classes: `K` of the model.
        score_min: tracks scored lower are hidden from identity metrics, as from a viewer.
        strata: parts of the objects that get precision of their own.
    """

    def __init__(
        self,
        num_classes: int,
        score_min: float = 0.0,
        strata: Sequence[Stratum] = YTVIS_STRATA,
    ) -> None:
        self._by_class = VisMetric(range(num_classes), strata)
        self._agnostic = VisMetric([0], strata)
        self._identities = IdentityCounts()
        self._score_min = score_min
        self._num_clips = 0
        self._num_frames = 0

    def add(self, record: EvaluatedVideo) -> None:
        """Judge one video."""
        self._by_class.add(record.tubes())
        self._agnostic.add(record.tubes(agnostic=True))
        self._identities += count_identities(record.shown(self._score_min))
        self._num_clips += 1
        self._num_frames += len(record.status)

    def report(self) -> ClipReport:
        """Return the numbers of all videos so far."""
        return ClipReport(
            self._num_clips,
            self._num_frames,
            self._by_class.summary(),
            self._agnostic.summary(),
            self._identities,
        )
