"""Small runs of training, here and in processes of their own."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import state_of
from maskstream_model.classes import EVERYDAY, classes
from maskstream_model.config import ModelConfig, OfflineConfig, RefinerConfig
from maskstream_model.daq.networks import build_networks
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.distribution import joined, mean_over_processes
from maskstream_train.training.loop import train
from maskstream_train.training.matcher import MatchCost
from maskstream_train.training.points import PointSampling
from maskstream_train.training.recipes import Recipe, TrackerRecipe
from maskstream_train.training.refiner_stage import RefinerStage
from maskstream_train.training.run_options import BatchPlan, Budget, RunOptions
from maskstream_train.training.segmenter_stage import SegmenterStage
from maskstream_train.training.stage import Moment, Stage, moment_of
from maskstream_train.training.targets import ClipBatch
from maskstream_train.training.tracker_stage import TrackerStage
from support.tiny import tiny_config

FEW_POINTS = Criterion(cost=MatchCost(num_points=32), sampling=PointSampling(count=32))
STAGES = ("segmenter", "tracker", "refiner", "colours")
Heard = list[dict[str, float]]


def learner_config() -> ModelConfig:
    """The tiny model with the classes of generated clips."""
    return replace(tiny_config(), classes=classes(EVERYDAY))


def small_options(out: Path) -> RunOptions:
    """Eight steps on two clips of three 64x64 frames."""
    clips = SyntheticConfig(height=64, width=64, num_frames=3, max_objects=3, empty_ratio=0.0)
    return RunOptions(
        config=learner_config(),
        out=out,
        budget=Budget(steps=8),
        plan=BatchPlan(clips, batch_size=2, scales=(1.0,)),
        recipe=Recipe(criterion=FEW_POINTS, warm_up_steps=2),
        tracker=TrackerRecipe(short_share=0.3),
    )


class MeanColours:
    """A stage without chance: learns the number of objects of a clip from its mean colour."""

    name = "colours"
    views = 1
    idle_parameters = False
    earlier: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.module: nn.Module = nn.Linear(3, 1)

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        colours = batch.frames.float().mean((1, 2, 3)) / 255.0
        wrong = self.module(colours)[:, 0] - batch.present.any(1).sum(1)
        return {"wrong": wrong.square().sum() / mean_over_processes(len(wrong), wrong.device)}

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(tensors)


def fresh_stage(name: str, options: RunOptions) -> Stage:
    """A stage with the random weights of seed 0."""
    torch.manual_seed(0)
    if name == "colours":
        return MeanColours()
    if name == "segmenter":
        device = torch.device("cpu")
        return SegmenterStage(options.config, options.recipe, device, options.plan.num_frames)
    if name == "refiner":
        networks = build_networks(
            options.config.segmenter, options.config.tracker, options.config.num_classes
        )
        return RefinerStage(offline(options.config), options, state_of(networks.parts))
    segmenter = Segmenter(options.config.segmenter, options.config.num_classes)
    return TrackerStage(options.config, options, segmenter.state_dict())


def offline(config: ModelConfig) -> ModelConfig:
    """A model with a small refiner; every query starts a track, so that there are some."""
    rules = config.online.override(
        first_frame_score_min=0.0, tracked_score_min=0.2, emergence_score_min=0.3
    )
    refiner = RefinerConfig(num_layers=2, num_heads=4, ffn_dim=32)
    return replace(config, online=rules, offline=OfflineConfig(refiner, max_kept=5))


class Listened:
    """A stage that notes the losses of every step, then calls `then` with the steps taken."""

    def __init__(
        self, stage: Stage, heard: Heard, then: Callable[[int], None] = lambda step: None
    ) -> None:
        self.name, self.module, self.views = stage.name, stage.module, stage.views
        self.idle_parameters, self.earlier = stage.idle_parameters, stage.earlier
        self.export, self._losses = stage.export, stage.losses
        self._heard, self._then = heard, then

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        terms = self._losses(batch, moment)
        self._heard.append({name: value.item() for name, value in terms.items()})
        self._then(moment.step + 1)
        return terms


def learn_one_batch(stage: Stage, batch: ClipBatch, steps: int, progress: float) -> list[float]:
    """Return the loss of every one of `steps` quick steps on one batch."""
    stage.module.train()
    optimiser = torch.optim.AdamW(stage.module.parameters(), lr=3e-3)
    totals = []
    for step in range(steps):
        moment = moment_of(0, step, progress, torch.device("cpu"))
        total = torch.stack(list(stage.losses(batch, moment).values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(total.item())
    return totals


def run_until_killed(name: str, options: RunOptions, steps: int) -> None:
    """Train and die without a word while step number `steps` runs; for a process of its own."""
    torch.set_num_threads(1)

    def die(step: int) -> None:
        if step == steps:
            os.kill(os.getpid(), signal.SIGKILL)

    train(Listened(fresh_stage(name, options), [], die), options)


def run_as(rank: int, size: int, port: int, options: RunOptions) -> None:
    """Train all stages as one of several processes, as torchrun would start it.

    What was heard and learned is written to `out`, in files named by stage and rank.
    """
    torch.set_num_threads(1)
    os.environ |= {
        "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
    }
    with joined("cpu"):
        for name in STAGES:
            heard: Heard = []
            run = train(Listened(fresh_stage(name, options), heard), options)
            end = {"heard": heard, "module": run.module.state_dict()}
            torch.save(end, options.out / f"{name}{rank}.pt")
