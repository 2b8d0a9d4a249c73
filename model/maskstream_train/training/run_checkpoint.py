"""A run on disk: weights, averages, optimiser and clock in one file, whole or not at all."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from maskstream_model.checkpoint import below, header_of, load_into, save_safetensors
from maskstream_model.errors import CheckpointError, TrainingError
from maskstream_train.training.schedule import AveragedWeights

CHECKPOINT = ".run.safetensors"
"""What the file of a stage's run ends in, behind the stage's name."""
MODULE, AVERAGE, OPTIMISER = "module/", "average/", "optimiser/"


@dataclass
class Run:
    """What a stage's training is at one moment; `step` and `elapsed_s` move.

    `steps_before` and `minutes_before` were spent on the weights that it started from.
    """

    module: nn.Module
    optimiser: torch.optim.Optimizer
    averaged: AveragedWeights
    step: int = 0
    elapsed_s: float = 0.0
    steps_before: int = 0
    minutes_before: float = 0.0


def make_folder(path: Path) -> None:
    """Make the folder of a run, where it is not there yet.

    Raises:
        TrainingError: it cannot be made, or not be written in.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{path} cannot be made: {error.strerror or error}") from None
    if not os.access(path, os.W_OK):
        raise TrainingError(f"{path} is a folder that cannot be written in")


def save_run(path: Path, run: Run, stage: str, seed: int) -> None:
    """Write everything that going on needs."""
    tensors = {MODULE + k: v for k, v in run.module.state_dict().items()}
    tensors |= {AVERAGE + k: v for k, v in run.averaged.tensors.items()}
    for index, values in run.optimiser.state_dict()["state"].items():
        tensors |= {f"{OPTIMISER}{index}/{k}": torch.as_tensor(v) for k, v in values.items()}
    facts = {"stage": stage, "seed": seed, "step": run.step, "elapsed_s": repr(run.elapsed_s)}
    facts |= {"steps_before": run.steps_before, "minutes_before": run.minutes_before}
    save_safetensors(path, tensors, {name: str(value) for name, value in facts.items()})


def load_run(path: Path, run: Run, stage: str, seed: int) -> None:
    """Take over a saved run in place.

    Raises:
        TrainingError: no readable checkpoint, one of another stage or seed, or another model's.
    """
    try:
        facts, tensors = header_of(path), load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be resumed: {error}") from None
    if (facts.get("stage"), facts.get("seed")) != (stage, str(seed)):
        raise TrainingError(
            f"{path} is of stage {facts.get('stage')!r} with seed {facts.get('seed')}, "
            f"not {stage!r} with seed {seed}"
        )
    try:
        load_into(run.module, below(tensors, MODULE))
        run.averaged.load(below(tensors, AVERAGE))
        _load_optimiser(run.optimiser, below(tensors, OPTIMISER))
    except (CheckpointError, LookupError, RuntimeError, ValueError) as error:
        raise TrainingError(f"{path} does not fit this model: {error}") from None
    run.step, run.elapsed_s = int(facts["step"]), float(facts["elapsed_s"])
    # As at the start of the run: a resumed run may name no initial file, or another.
    run.steps_before = int(facts.get("steps_before", run.steps_before))
    run.minutes_before = float(facts.get("minutes_before", run.minutes_before))


def _load_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [item for group in optimiser.param_groups for item in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        # The fused kernel walks memory, so that moments must lie as their parameter does
        # (channels last, maybe), while the file holds them row by row.
        like = parameters[int(index)]
        laid = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        state.setdefault(int(index), {})[key] = laid
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
