"""`maskstream score panoptic`: files in, VPQ and STQ out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from maskstream_model.command_errors import printable
from maskstream_model.errors import DatasetError
from maskstream_train.data.panoptic import read_truth
from maskstream_train.evaluation.panoptic.pictures import PanopticFolders, read_predictions
from maskstream_train.evaluation.panoptic.stq import (
    StqMetric,
    StqSummary,
    first_listed,
    marked_crowd,
)
from maskstream_train.evaluation.panoptic.vpq import MEANS, VpqMetric
from maskstream_train.evaluation.transience import Objects, title_of

COLUMNS = ("VPQ", "VPQ_things", "VPQ_stuff")


@dataclass(frozen=True)
class PanopticScore:
    """VPQ in percent, STQ in fractions of 1, as the evaluators tell them; -1 where undefined.

    Attributes:
        vpq: `per_window` and the means.
        names: of the categories, by id.
        script: STQ with the instance numbers of VIPSeg's script; None where only some objects are
            measured, which STQ does not know.
        clean: STQ with crowds as marked; None likewise.
        title: of the table of VPQ.
    """

    vpq: Mapping[str, Any]
    names: Mapping[str, str]
    script: StqSummary | None = None
    clean: StqSummary | None = None
    title: str = "VPQ"
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return everything as the reference cases name it."""
        scores: dict[str, Any] = {"vpq": dict(self.vpq)}
        if self.script and self.clean:
            scores["stq_vipseg_script"] = self.script.as_json(lengths=True)
            scores["stq_deeplab2_clean_ids"] = self.clean.as_json(lengths=False)
        return scores

    def tables(self) -> list[Table]:
        """Return tables of windows, classes and STQ, in percent."""
        stq = [_stq(self.script, self.clean)] if self.script and self.clean else []
        return [self._windows(), self._classes(), *stq]

    def _windows(self) -> Table:
        windows = self.vpq["per_window"]
        table = Table("frames", *COLUMNS, "SQ", "RQ", title=self.title)
        for length, part in windows.items():
            table.add_row(length, *(_percent(part[name]) for name in (*COLUMNS, "SQ", "RQ")))
        for name, lengths in MEANS.items():
            label = f"mean of {', '.join(map(str, lengths))}"
            table.add_row(label, *(_percent(self.vpq[name][column]) for column in COLUMNS), "", "")
        return table

    def _classes(self) -> Table:
        windows = self.vpq["per_window"]
        table = Table("class", *(f"PQ, {length}" for length in windows))
        for key, name in self.names.items():
            rows = [part["per_class"][key] for part in windows.values()]
            table.add_row(Text(printable(name)), *(_class_quality(row) for row in rows))
        return table


def _stq(script: StqSummary, clean: StqSummary) -> Table:
    table = Table("instances", "STQ", "AQ", "SQ", title="STQ")
    for name, part in (("VIPSeg script", script), ("clean ids", clean)):
        values = (100 * value for value in (part.stq, part.aq, part.sq))
        table.add_row(name, *(_percent(value) for value in values))
    return table


def score_panoptic(
    truth_file: Path,
    truth_folder: Path,
    results_file: Path,
    results_folder: Path,
    objects: Objects = "all",
) -> PanopticScore:
    """Score panoptic videos, holding the counts of one video and the pictures of one frame.

    Args:
        truth_file: JSON of the truth.
        truth_folder: its pictures, `<video>/<frame>.png`.
        results_file: JSON of the predictions.
        results_folder: their pictures, named as those of the truth.
        objects: those measured; see `VpqMetric`.

    Raises:
        DatasetError: a file that cannot be read, or an entry that is wrong; named in the text.
    """
    truth = read_truth(truth_file)
    if not truth.annotated:
        raise DatasetError(f"{truth_file} has no annotations to score against")
    found = read_predictions(results_file, truth)
    vpq = VpqMetric(truth.categories, objects)
    script = StqMetric(truth.categories, first_listed)
    clean = StqMetric(truth.categories, marked_crowd)
    every = objects == "all"
    for video in PanopticFolders(truth, truth_folder, found, results_folder).videos():
        vpq.add(video)
        if every:
            script.add(video)
            clean.add(video)
    return PanopticScore(
        vpq.as_json(),
        {str(item.id): item.name for item in truth.categories},
        script.summary() if every else None,
        clean.summary() if every else None,
        title_of("VPQ", objects),
    )


def _class_quality(row: Mapping[str, float]) -> str:
    return _percent(row["pq"]) if row["tp"] + row["fp"] + row["fn"] else "-"


def _percent(value: float) -> str:
    return "-" if value < 0 else f"{value:.2f}"
