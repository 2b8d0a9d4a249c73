"""Validates a model of own classes during training, and keeps the best one."""

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
from maskstream_train.training.tensorboard import curves

MAX_FRAMES = 200
"""Frames of a validation; further videos or pictures are not used."""
JOURNAL = "validation.jsonl"
Line = dict[str, Any]


@dataclass
class Validation:
    """Validates weights on held-back pictures, records the scores, and keeps the best weights.

    Attributes:
        config: of the model.
        folder: of the best weights.
        run: folder of the journal.
        reader: of the validation data.
        device: of the validation.
        pictures: drawn by the last validation.
    """

    config: ModelConfig
    folder: ModelFolder
    run: Path
    reader: InstanceReader
    device: str
    pictures: list[Path] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        """One JSON line per validation."""
        return self.run / JOURNAL

    def check(self, stage: str, step: int, weights: Path) -> Line:
        """Validate a weight file, and keep it if none of its stage was better."""
        model = load(self.config, weights, self.device)
        scores = self._measure(model)
        with curves(self.run, f"{stage} validation") as add:
            add(step, {name: score for name, score in scores.items() if score >= 0})
        line: Line = {"stage": stage, "step": step, **scores}
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
    """Return the score by which the best weights are chosen: the sum of AP and AP50."""
    return max(0.0, float(line["AP"])) + max(0.0, float(line["AP50"]))


def read_journal(path: Path) -> list[Line]:
    """Return the lines of a journal; none without a file.

    Raises:
        TrainingError: it is damaged.
    """
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except ValueError:
        raise TrainingError(f"{path} is damaged: remove it, or choose another --out") from None


def keep(weights: Path, folder: ModelFolder) -> None:
    """Replace the weight file of a model folder."""
    with atomic_write(folder.weights) as temporary:
        shutil.copyfile(weights, temporary)
