"""The numbers of evaluations as tables for people."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from maskstream_train.evaluation.report import ClipReport


def report_table(reports: Mapping[str, ClipReport], by_class: bool) -> Table:
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
    reports: Mapping[str, ClipReport],
    rules: Mapping[str, Mapping[str, float | None]],
    by_class: bool,
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


def _sweep_cells(report: ClipReport) -> list[str]:
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


def _rows(report: ClipReport, by_class: bool) -> dict[str, str]:
    rows: dict[str, str] = {}
    if by_class:
        rows |= _precision_rows("", report.by_class.overall, ("AP", "AP50", "AP75", "AR1", "AR10"))
    rows |= _precision_rows("agnostic ", report.agnostic.overall, ("AP", "AP50", "AR10"))
    counts = report.identities
    parts = {
        "emergence recall": (counts.emerged_found, counts.emerged),
        "disappearance recall": (counts.disappeared_noticed, counts.disappeared),
        "found without switch": (counts.objects_unswitched, counts.objects_found),
        "returned as itself": (counts.returned_as_itself, counts.returned),
        "returned as another": (counts.returned_as_another, counts.returned),
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
