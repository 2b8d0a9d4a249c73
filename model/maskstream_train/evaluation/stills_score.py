"""The scores of a model on annotated pictures, as tables and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from maskstream_train.evaluation.vis_metrics import VisSummary

LARGE_SHARE = 0.1
"""Share of the picture from which an object is large."""
SCORES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Reporting thresholds that are compared."""


@dataclass(frozen=True)
class Precision:
    """Detections above the reporting threshold: right ones match a distinct object (IoU 0.5)."""

    right: int = 0
    wrong: int = 0

    def __add__(self, other: "Precision") -> "Precision":
        return Precision(self.right + other.right, self.wrong + other.wrong)

    @property
    def ratio(self) -> float:
        """Precision; -1 without detections."""
        shown = self.right + self.wrong
        return self.right / shown if shown else -1.0


@dataclass(frozen=True)
class ByScore:
    """What is shown at each of `SCORES`, with classes and without, of one model on all pictures.

    Attributes:
        named: detections of measured classes.
        agnostic: of all classes, ignoring classes.
        objects: number of true objects of measured classes.
    """

    named: Sequence[Precision]
    agnostic: Sequence[Precision]
    objects: int

    def rows(self) -> Iterator[dict[str, float]]:
        """Yield precision and recall of each threshold; -1 where there is nothing to count."""
        for score, named, agnostic in zip(SCORES, self.named, self.agnostic, strict=True):
            yield {
                "score": score,
                "precision": named.ratio,
                "recall": named.right / self.objects if self.objects else -1.0,
                "precision_agnostic": agnostic.ratio,
            }


@dataclass(frozen=True)
class StillsScore:
    """Scores of a model on single pictures; fractions of 1, -1 where there was nothing to find.

    Attributes:
        settings: model and data, to reproduce the scores.
        names: of the categories that are measured.
        num_pictures: seen.
        by_class: every object, with classes.
        large: objects of more than `LARGE_SHARE` of the picture, with classes.
        agnostic: every object, ignoring classes.
        shown: detections of measured classes with at least `show_score_min`, with classes.
        shown_agnostic: the same of all classes, ignoring classes.
        show_score_min: of the model.
        by_score: what other thresholds would show.
    """

    settings: Mapping[str, Any]
    names: Sequence[str]
    num_pictures: int
    by_class: VisSummary
    large: VisSummary
    agnostic: VisSummary
    shown: Precision
    shown_agnostic: Precision
    show_score_min: float
    by_score: ByScore

    @property
    def notes(self) -> Sequence[str]:
        """Notes below the tables."""
        return [f"precision is of tracks with a score of at least {self.show_score_min}"]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "settings": dict(self.settings),
            "num_pictures": self.num_pictures,
            "vis": dict(self.by_class.overall),
            "vis_agnostic": dict(self.agnostic.overall),
            "vis_large": dict(self.large.overall),
            "precision": self.shown.ratio,
            "precision_agnostic": self.shown_agnostic.ratio,
            "shown": self.shown.right + self.shown.wrong,
            "by_score": list(self.by_score.rows()),
            "per_class": {name: self._row(number) for number, name in enumerate(self.names)},
        }

    def _row(self, number: int) -> dict[str, float]:
        whole, large = self.by_class.per_class[number], self.large.per_class[number]
        return {"AP": whole["AP"], "AP50": whole["AP50"], "AP50_large": large["AP50"]}

    def tables(self) -> list[Table]:
        """Return a table of all numbers and one by class."""
        title = f"{self.num_pictures} pictures, each the first frame of a session"
        overall = Table("", "AP", "AP50", "AR100", "precision", title=title)
        parts = (
            ("with classes", self.by_class, self.shown),
            ("classes aside", self.agnostic, self.shown_agnostic),
            (f"over {LARGE_SHARE:.0%} of the picture", self.large, None),
        )
        for label, summary, shown in parts:
            cells = [_number(summary.overall[name]) for name in ("AP", "AP50", "AR100")]
            overall.add_row(label, *cells, "" if shown is None else _counted(shown))
        classes = Table("class", "AP", "AP50", "AP50 of large ones")
        for number, name in enumerate(self.names):
            classes.add_row(name, *(_number(value) for value in self._row(number).values()))
        scores = Table("score from", "precision", "recall", "precision, classes aside")
        for row in self.by_score.rows():
            scores.add_row(*(_number(value) for value in row.values()))
        return [overall, scores, classes]


def _number(value: float) -> str:
    return "-" if value < 0 else f"{value:.3f}"


def _counted(shown: Precision) -> str:
    return f"{_number(shown.ratio)} ({shown.right}/{shown.right + shown.wrong})"
