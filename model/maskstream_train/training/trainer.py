"""One stage's run: a step, its rate, its checkpoint, and the weights as they would be used."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import save_safetensors
from maskstream_model.config import PresetConfig
from maskstream_model.errors import TrainingError
from maskstream_train.training.distribution import share, spread
from maskstream_train.training.run_checkpoint import CHECKPOINT, Run, load_run, save_run
from maskstream_train.training.run_options import StageOptions
from maskstream_train.training.schedule import (
    AveragedWeights,
    learning_rate_factor,
    parameter_groups,
    step_decay_factor,
)
from maskstream_train.training.stage import Moment, Stage, moment_of
from maskstream_train.training.targets import ClipBatch

MAX_SKIPPED = 50
"""Steps in a row without a finite gradient after which a run is given up."""


class LossesOf(nn.Module):
    """A stage's losses as a module: the form in which several processes can share gradients."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.learns, self._stage = stage.module, stage

    def forward(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return what `stage.losses` does."""
        return self._stage.losses(batch, moment)


class Trainer:
    """One stage's run: everything that changes while it trains, and how."""

    def __init__(
        self, stage: Stage, options: StageOptions[PresetConfig], clock: Callable[[], float]
    ) -> None:
        self.stage, self.options, self._clock = stage, options, clock
        self.device = torch.device(options.device)
        recipe = options.recipe
        groups = parameter_groups(stage.module, recipe.weight_decay, recipe.backbone_factor)
        optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
        averaged = AveragedWeights(stage.module, recipe.average_decay)
        self.run = Run(stage.module, optimiser, averaged)
        self.run.steps_before = int(stage.earlier.get(f"{stage.name}_steps", 0))
        self.run.minutes_before = float(stage.earlier.get(f"{stage.name}_minutes", 0))
        self._checkpoint = options.out / f"{stage.name}{CHECKPOINT}"
        self._skipped = 0
        if self._checkpoint.exists():
            if not options.resume:
                raise TrainingError(
                    f"{self._checkpoint} is a run: continue with --resume, or choose another --out"
                )
            load_run(self._checkpoint, self.run, stage.name, options.plan.seed)
        self._losses = spread(LossesOf(stage), stage.idle_parameters)
        self._started_s = clock() - self.run.elapsed_s

    def progress(self) -> float:
        """Return the share of the budget spent; also sets the run's clock."""
        self.run.elapsed_s = self._clock() - self._started_s
        return self.options.budget.progress(self.run.step, self.run.elapsed_s)

    def step(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Take one step; one whose gradient is not finite changes nothing.

        Raises:
            TrainingError: too many such steps one after another.
        """
        recipe, run = self.options.recipe, self.run
        progress = self.progress()
        rate = recipe.learning_rate * self._rate_factor(progress)
        for group in run.optimiser.param_groups:
            group["lr"] = rate * group["rate"]
        seed, rank = self.options.plan.seed, share().rank
        moment = moment_of(seed, run.step, progress, self.device, rank)
        losses = self._losses(batch, moment)
        total = torch.stack(list(losses.values())).sum()
        run.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        norm = torch.nn.utils.clip_grad_norm_(run.module.parameters(), recipe.clip_norm)
        self._apply(bool(norm.isfinite()))
        run.step += 1
        return {"loss": total, **losses, "norm": norm}

    def _rate_factor(self, progress: float) -> float:
        recipe, step = self.options.recipe, self.run.step
        if recipe.decay_steps is None:
            return learning_rate_factor(progress, step, recipe.warm_up_steps)
        return step_decay_factor(
            step, recipe.warm_up_steps, recipe.decay_steps, recipe.decay_factor
        )

    def _apply(self, finite: bool) -> None:
        self._skipped = 0 if finite else self._skipped + 1
        if finite:
            self.run.optimiser.step()
            self.run.averaged.update(self.run.step)
        elif self._skipped >= MAX_SKIPPED:
            raise TrainingError(f"{MAX_SKIPPED} steps in a row had gradients that are not finite")

    def save(self) -> None:
        """Write the checkpoint, and the model as it would be used now; once, however many train."""
        if not share().first:
            return
        options, run = self.options, self.run
        save_run(self._checkpoint, run, self.stage.name, options.plan.seed)
        name = self.stage.name
        facts = {
            "preset": options.config.name,
            "torch": torch.__version__,
            f"{name}_steps": str(run.steps_before + run.step),
            f"{name}_minutes": f"{run.minutes_before + run.elapsed_s / 60:.1f}",
            f"{name}_device": str(self.device),
            f"{name}_data": options.plan.name,
        }
        weights = self.stage.export(run.averaged.tensors)
        earlier = dict(self.stage.earlier)
        save_safetensors(options.weights_path, weights, earlier | facts, half=True)
