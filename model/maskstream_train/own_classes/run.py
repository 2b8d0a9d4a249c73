"""From annotated pictures to a model folder that can be served: both stages, with validation."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from maskstream_model.checkpoint import below, load_weights
from maskstream_model.config import ModelConfig
from maskstream_model.daq.presets import preset_names
from maskstream_model.errors import ConfigError, TrainingError
from maskstream_model.loading import usable_device
from maskstream_model.model_folders import (
    DESCRIPTION,
    ModelFolder,
    description_of,
    model_folder,
    write_description,
)
from maskstream_train.data.readers import Format
from maskstream_train.own_classes.data import OwnData, Say, open_own_data
from maskstream_train.own_classes.recipe import MINUTES, SEGMENTER_SHARE, OwnStage, own_preset
from maskstream_train.own_classes.report import write_report
from maskstream_train.own_classes.start import Start, find_start
from maskstream_train.own_classes.validation import Line, Validation, keep, read_journal
from maskstream_train.training.distribution import share
from maskstream_train.training.loop import train
from maskstream_train.training.overrides import override
from maskstream_train.training.recipes import Frozen
from maskstream_train.training.run import TRACKER, segmenter_of
from maskstream_train.training.run_checkpoint import make_folder
from maskstream_train.training.run_options import Budget, RunOptions
from maskstream_train.training.segmenter_stage import SegmenterStage
from maskstream_train.training.stage import Stage
from maskstream_train.training.tracker_stage import TrackerStage
from maskstream_train.training.trainer import Trainer
from maskstream_train.training.video_plan import VideoPlan

REPORT = "report.html"
RUN = "run"
"""Subfolder of the model's folder with checkpoints and journals of training."""


@dataclass(frozen=True)
class OwnRequest:
    """The request for a run.

    Attributes:
        data: annotations; `images`, `form`, `validation_share`: see `open_own_data`.
        init: see `find_start`.
        out: folder of the model; its name is the model's.
        freeze: part of the segmenter that is frozen.
        budget: of both stages.
        every: steps between two validations.
        settings: `name=value` changes of both stages' presets, where a stage has them.
    """

    data: Path
    out: Path
    images: Path | None = None
    form: Format | None = None
    validation_share: float = 0.2
    init: str = "auto"
    freeze: Frozen = "backbone"
    budget: Budget = field(default_factory=lambda: Budget(minutes=MINUTES))
    every: int = 50
    settings: tuple[str, ...] = ()
    device: str = "cpu"
    workers: int = 0
    seed: int = 0
    resume: bool = False
    checkpoint_minutes: float = 5.0


def train_own(request: OwnRequest, say: Say) -> ModelFolder:
    """Train a model of own classes, or resume; the best weights are kept in its folder.

    Args:
        request: see `OwnRequest`.
        say: prints a sentence.

    Raises:
        DatasetError: the annotations are invalid.
        ConfigError: an invalid setting, start or name.
        TrainingError: the folder holds a model already, or cannot be written.
        CheckpointError: the weights to start from do not fit.
    """
    start = find_start(request.init)
    data = open_own_data(request.data, request.images, request.form, request.validation_share)
    folder = ModelFolder(request.out, request.out.resolve().name, start.base, data.classes)
    config = replace(start.config, name=folder.name, classes=data.classes)
    options = {stage: _options(request, config, data, stage) for stage in _SHARES}
    _prepare(request, folder)
    for line in (*_summary(start, data), *data.notes):
        say(line)
    run = _Run(request, folder, start, data, say)
    for stage, chosen in options.items():
        run.train(stage, chosen)
    return folder


_SHARES: dict[OwnStage, float] = {
    "segmenter": SEGMENTER_SHARE,
    "tracker": 1 - SEGMENTER_SHARE,
}


def _options(
    request: OwnRequest, config: ModelConfig, data: OwnData, stage: OwnStage
) -> RunOptions:
    chosen = override(own_preset(config, stage), request.settings)
    assert isinstance(chosen.plan, VideoPlan)
    plan = replace(
        chosen.plan,
        videos=data.learned,
        classes=config.classes,
        model=config.name,
        seed=request.seed,
    )
    return RunOptions(
        config=config,
        out=request.out / RUN,
        budget=request.budget.share(_SHARES[stage]),
        plan=plan,
        recipe=chosen.recipe,
        tracker=chosen.tracker,
        device=str(usable_device(request.device)),
        workers=request.workers,
        resume=request.resume,
        checkpoint_minutes=request.checkpoint_minutes,
    )


def _prepare(request: OwnRequest, folder: ModelFolder) -> None:
    """Create the folder, with the description of the model to train."""
    if folder.name in preset_names():
        raise ConfigError(f"{folder.name} is a preset: choose another folder for --out")
    description_of(folder)  # Before anything is created.
    if (folder.path / DESCRIPTION).exists():
        if not request.resume:
            raise TrainingError(
                f"{folder.path} holds a model: continue it with --resume, or choose another --out"
            )
        before = model_folder(str(folder.path))
        if before != folder:
            raise TrainingError(
                f"{folder.path} is a model of other classes, or of another base: "
                "choose another --out"
            )
    elif request.resume:
        raise TrainingError(f"{folder.path} holds no run to resume")
    make_folder(folder.path / RUN)
    if share().first:
        write_description(folder)


def _summary(start: Start, data: OwnData) -> list[str]:
    names = ", ".join(each.name for each in data.classes)
    learned, measured = len(data.learned.ids), len(data.measured.ids)
    kind = ("picture" if data.learned.form == "coco" else "video") + "s" * (learned != 1)
    others = f"{measured} other{'s' * (measured != 1)}"
    held = f"measured on {others}" if data.held_back else "none held back"
    known = {each.name for each in start.config.classes} & {each.name for each in data.classes}
    kept = f" (known already: {', '.join(sorted(known))})" if known else ""
    return [
        f"Classes: {names}{kept}. Learned from {learned} {kind}, {held}. "
        f"Starts from {start.config.name}."
    ]


@dataclass(frozen=True)
class _Run:
    request: OwnRequest
    folder: ModelFolder
    start: Start
    data: OwnData
    say: Say

    def train(self, name: OwnStage, options: RunOptions) -> None:
        """Train a stage and use its best weights for the model, also after an early end."""
        torch.manual_seed(options.plan.seed)
        stage = self._segmenter(options) if name == "segmenter" else self._tracker(options)
        validation = Validation(
            options.config, self.folder, options.out, self.data.measured.open(), options.device
        )

        def check(step: int) -> None:
            self.say(_sentence(validation.check(name, step, options.weights_path)))
            report = self.folder.path / REPORT
            write_report(report, self.folder.name, options.out, validation.pictures)

        def observe(trainer: Trainer) -> None:
            if trainer.run.step % self.request.every == 0:
                trainer.save()
                if share().first:
                    check(trainer.run.step)

        try:
            run = train(stage, options, observe=observe)
        finally:
            if share().first and options.weights_path.exists() and not self.folder.weights.exists():
                keep(options.weights_path, self.folder)
        measured = {(line["stage"], line["step"]) for line in read_journal(validation.journal)}
        if share().first and (name, run.step) not in measured:
            check(run.step)

    def _segmenter(self, options: RunOptions) -> Stage:
        stage = SegmenterStage(options.config, options.recipe, torch.device(options.device))
        stage.start_from(segmenter_of(self._tensors()))
        stage.freeze(self.request.freeze)
        return stage

    def _tracker(self, options: RunOptions) -> Stage:
        """Return the tracker stage on the best segmenter, with the trackers of the start."""
        segmenter = segmenter_of(load_weights(self.folder.weights))
        stage = TrackerStage(options.config, options, segmenter)
        stage.start_from(below(self._tensors(), TRACKER))
        return stage

    def _tensors(self) -> dict[str, Tensor]:
        return self.start.tensors([each.name for each in self.data.classes])


def _sentence(line: Line) -> str:
    named = {"AP50": "AP50", "AP50_any": "classes aside", "recall": "recall"}
    numbers = ", ".join(f"{text} {_percent(line[key])}" for key, text in named.items())
    return f"{line['stage']}, step {line['step']}: {numbers}{', the best so far' * line['best']}"


def _percent(value: float) -> str:
    return "-" if value < 0 else f"{100 * value:.1f} %"
