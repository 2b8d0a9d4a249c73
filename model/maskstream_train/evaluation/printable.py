"""What `maskstream eval` and `score` print, for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.table import Table

from maskstream_train.evaluation.report import ClipReport
from maskstream_train.evaluation.report_tables import report_table, sweep_table
from maskstream_train.evaluation.sweep import Rules


class PrintableReport(Protocol):
    """What can be printed, for people and for programs."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences beside the numbers."""
        ...

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        ...

    def tables(self) -> list[Table]:
        """Return tables for people."""
        ...


@dataclass(frozen=True)
class NamedReports:
    """Reports by name, with the rules each was run with where they were varied.

    Attributes:
        settings: model and data, so that the numbers can be had again.
        reports: by name.
        by_class: False where classes are not the model's.
        rules: that were varied, by name of the report.
        notes: sentences for people.
        sweep: whether there is a report per point of a grid.
    """

    settings: Mapping[str, Any]
    reports: Mapping[str, ClipReport]
    by_class: bool
    rules: Mapping[str, Rules] = field(default_factory=dict)
    notes: Sequence[str] = ()
    sweep: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "settings": dict(self.settings),
            "reports": {
                name: {"rules": dict(self.rules.get(name, {})), **report.as_json(self.by_class)}
                for name, report in self.reports.items()
            },
            "notes": list(self.notes),
        }

    def tables(self) -> list[Table]:
        """Return a table for people."""
        if self.sweep:
            return [sweep_table(self.reports, self.rules, self.by_class)]
        return [report_table(self.reports, self.by_class)]
