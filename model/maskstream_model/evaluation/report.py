"""The numbers of one evaluation: collected video by video, as JSON and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from maskstream_model.evaluation.identity import IdentityCounts, count_identities
from maskstream_model.evaluation.records import VideoRecord
from maskstream_model.evaluation.vis_metrics import (
    YTVIS_STRATA,
    Stratum,
    VisMetric,
    VisSummary,
)


@dataclass(frozen=True)
class Report:
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
        counts = self.identities
        return {
            "emergence_recall": counts.emergence_recall,
            "disappearance_recall": counts.disappearance_recall,
            "unswitched_share": counts.unswitched_share,
            "switches_per_object": counts.switches_per_object,
            "recall": counts.recall,
            "precision": counts.precision,
            "track_precision": counts.track_precision,
        }

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

    def add(self, record: VideoRecord) -> None:
        """Judge one video."""
        self._by_class.add(record.tubes())
        self._agnostic.add(record.tubes(agnostic=True))
        self._identities += count_identities(record.shown(self._score_min))
        self._num_clips += 1
        self._num_frames += len(record.status)

    def report(self) -> Report:
        """Return the numbers of all videos so far."""
        return Report(
            self._num_clips,
            self._num_frames,
            self._by_class.summary(),
            self._agnostic.summary(),
            self._identities,
        )


def report_table(reports: Mapping[str, Report], by_class: bool) -> Table:
    """Return a table with a column per report.

    Frame recall and precision are over all visible objects and all live masks, frame by frame; a
    right track covers objects on half of its live frames.

    Args:
        reports: by name of the model.
        by_class: False where classes are not the model's.
    """
    first = next(iter(reports.values()))
    table = Table(title=f"{first.num_clips} clips, {first.num_frames} frames")
    table.add_column("", no_wrap=True)
    for name in reports:
        table.add_column(name.replace(", ", "\n"), justify="right", no_wrap=True)
    columns = [_rows(report, by_class) for report in reports.values()]
    for label in columns[0]:
        table.add_row(label, *(column[label] for column in columns))
    return table


def sweep_table(
    reports: Mapping[str, Report], rules: Mapping[str, Mapping[str, float | None]], by_class: bool
) -> Table:
    """Return a table with a row per report, for thresholds tried.

    Args:
        reports: by name.
        rules: of each report, by the same names; those that never vary are left out.
        by_class: False where classes are not the model's.
    """
    shown = _varied(list(rules.values()))
    heads = [_short(rule) for rule in shown]
    heads += ["AP50"] if by_class else []
    heads += ["AP50*", "emerge", "vanish", "steady", "switch", "recall", "precis"]
    table = Table(title="thresholds tried; AP50* leaves classes aside", padding=(0, 0))
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for name, report in reports.items():
        cells = [str(rules[name][rule]) for rule in shown]
        cells += [_number(report.by_class.overall["AP50"])] if by_class else []
        table.add_row(*cells, *_sweep_cells(report))
    return table


def _sweep_cells(report: Report) -> list[str]:
    counts = report.identities
    return [
        _number(report.agnostic.overall["AP50"]),
        _number(counts.emergence_recall),
        _number(counts.disappearance_recall),
        _number(counts.unswitched_share),
        str(counts.switches),
        _number(counts.recall),
        _number(counts.precision),
    ]


def _varied(points: Sequence[Mapping[str, float | None]]) -> list[str]:
    """Return the rules that differ between points, without those that follow another one."""
    names = [rule for rule in points[0] if len({point[rule] for point in points}) > 1]
    columns = {name: [point[name] for point in points] for name in names}
    return [n for i, n in enumerate(names) if columns[n] not in [columns[m] for m in names[:i]]]


def _short(rule: str) -> str:
    return rule.removesuffix("_min").removesuffix("_score").replace("emergence", "born")[:7]


def _rows(report: Report, by_class: bool) -> dict[str, str]:
    rows: dict[str, str] = {}
    if by_class:
        rows |= _precision_rows("", report.by_class.overall, ("AP", "AP50", "AP75", "AR1", "AR10"))
    rows |= _precision_rows("agnostic ", report.agnostic.overall, ("AP", "AP50", "AR10"))
    counts = report.identities
    parts = {
        "emergence recall": (counts.emerged_found, counts.emerged),
        "disappearance recall": (counts.disappeared_noticed, counts.disappeared),
        "found without switch": (counts.objects_unswitched, counts.objects_found),
        "objects found": (counts.objects_found, counts.objects),
        "right tracks": (counts.tracks_right, counts.tracks),
        "frame recall": (counts.matched_frames, counts.object_frames),
        "frame precision": (counts.matched_frames, counts.track_frames),
    }
    rows |= {label: _share(*part) for label, part in parts.items()}
    return rows | {"identity switches": str(counts.switches)}


def _precision_rows(
    prefix: str, values: Mapping[str, float], names: Sequence[str]
) -> dict[str, str]:
    return {prefix + name: _number(values[name]) for name in names}


def _number(value: float) -> str:
    return "-" if value < 0 else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f} ({part}/{whole})" if whole else "-"
