"""Measures a model of one's own while it trains, and keeps the best one."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.config import ModelConfig
from maskstream_model.daq.loading import load
from maskstream_model.errors import TrainingError
from maskstream_model.model_folders import ModelFolder
from maskstream_model.port import Model
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.evaluate import evaluate_model
from maskstream_train.evaluation.sources import AnnotatedClip, reader_clips
from maskstream_train.own_classes.drawing import draw_predictions

MAX_FRAMES = 200
"""Frames that a measurement runs over; further videos or pictures are left aside."""
JOURNAL = "validation.jsonl"
Line = dict[str, Any]


@dataclass
class Validation:
    """Measures weights on pictures that were held back, writes it down, and keeps the best.

    Attributes:
        config: of the model.
        folder: where the best weights go.
        run: folder of the run, where the journal is.
        reader: what is measured on.
        device: where.
        pictures: drawn by the last measurement.
    """

    config: ModelConfig
    folder: ModelFolder
    run: Path
    reader: InstanceReader
    device: str
    pictures: list[Path] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        """One JSON line a measurement."""
        return self.run / JOURNAL

    def check(self, stage: str, step: int, weights: Path) -> Line:
        """Measure a weight file, and keep it where none of its stage was better before."""
        model = load(self.config, weights, self.device)
        line: Line = {"stage": stage, "step": step, **self._measure(model)}
        before = [score_of(old) for old in read_journal(self.journal) if old["stage"] == stage]
        line["best"] = score_of(line) >= max(before, default=0.0)
        if line["best"]:
            keep(weights, self.folder)
        with self.journal.open("a") as file:
            file.write(json.dumps(line) + "\n")
        name = f"{stage}-{step:06}"
        self.pictures = draw_predictions(model, self.reader, self.run / "pictures", name)
        return line

    def _measure(self, model: Model[Any]) -> dict[str, float]:
        report = evaluate_model(
            model, self._clips(), score_min=self.config.online.show_score_min or 0.0
        )
        vis = report.by_class.overall
        numbers = {
            "AP": vis["AP"],
            "AP50": vis["AP50"],
            "AP50_any": report.agnostic.overall["AP50"],
        }
        ratios = report.ratios()
        numbers |= {name: ratios[name] for name in ("recall", "precision")}
        return {name: round(float(value), 4) for name, value in numbers.items()}

    def _clips(self) -> Iterator[AnnotatedClip]:
        categories = [category.id for category in self.reader.categories]
        frames = 0
        for clip in reader_clips(self.reader, categories):
            if frames and frames + clip.num_frames > MAX_FRAMES:
                return
            frames += clip.num_frames
            yield clip


def score_of(line: Line) -> float:
    """Return the number by which the best is chosen: AP and AP50 count alike."""
    return max(0.0, float(line["AP"])) + max(0.0, float(line["AP50"]))


def read_journal(path: Path) -> list[Line]:
    """Return the lines of a journal so far; none where there is no file.

    Raises:
        TrainingError: it was damaged.
    """
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except ValueError:
        raise TrainingError(f"{path} is damaged: remove it, or choose another --out") from None


def keep(weights: Path, folder: ModelFolder) -> None:
    """Make a weight file the one that the model in a folder is loaded with."""
    with atomic_write(folder.weights) as temporary:
        shutil.copyfile(weights, temporary)
