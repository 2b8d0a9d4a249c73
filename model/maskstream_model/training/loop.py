"""The training loop: fetch, step, tell, save; ends with its budget, on Ctrl-C or on SIGTERM."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import save_safetensors
from maskstream_model.errors import TrainingError
from maskstream_model.training.batches import stream_batches
from maskstream_model.training.distribution import anywhere, share, spread, wait_for_all
from maskstream_model.training.journal import Journal
from maskstream_model.training.options import Plan, RunOptions
from maskstream_model.training.run_checkpoint import Run, load_run, save_run
from maskstream_model.training.schedule import (
    AveragedWeights,
    learning_rate_factor,
    parameter_groups,
    step_decay_factor,
)
from maskstream_model.training.stage import Moment, Stage, moment_of
from maskstream_model.training.targets import ClipBatch

Batches = Callable[[Plan, int, int], Iterator[ClipBatch]]
"""Yields the batches of a plan from a number on, with so many processes to make them."""
LOG_INTERVAL_S = 15.0
MAX_SKIPPED = 50


@dataclass
class Interval:
    """Sums since the last record; kept on the device, so that no step waits for them."""

    started_s: float
    first_step: int
    sums: dict[str, Tensor] = field(default_factory=dict)

    def add(self, terms: dict[str, Tensor]) -> None:
        """Add one step's numbers."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value.detach()

    def facts(self, step: int, now_s: float) -> dict[str, float]:
        """Return means over the steps, and steps per second."""
        steps = max(1, step - self.first_step)
        means = {name: float(total) / steps for name, total in self.sums.items()}
        return {"step": step, "it_s": steps / max(1e-9, now_s - self.started_s), **means}


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

    def __init__(self, stage: Stage, options: RunOptions, clock: Callable[[], float]) -> None:
        self.stage, self.options, self._clock = stage, options, clock
        self.device = torch.device(options.device)
        recipe = options.recipe
        groups = parameter_groups(stage.module, recipe.weight_decay, recipe.backbone_factor)
        optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
        averaged = AveragedWeights(stage.module, recipe.average_decay)
        self.run = Run(stage.module, optimiser, averaged)
        self._checkpoint = options.out / f"{stage.name}.run.safetensors"
        self._skipped = 0
        if self._checkpoint.exists():
            if not options.resume:
                raise TrainingError(
                    f"{self._checkpoint} is a run: go on with --resume, or choose another --out"
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
        options = self.options
        save_run(self._checkpoint, self.run, self.stage.name, options.plan.seed)
        name = self.stage.name
        facts = {
            "preset": options.config.name,
            "torch": torch.__version__,
            f"{name}_steps": str(self.run.step),
            f"{name}_minutes": f"{self.run.elapsed_s / 60:.1f}",
            f"{name}_device": str(self.device),
            f"{name}_data": options.plan.name,
        }
        weights = self.stage.export(self.run.averaged.tensors)
        earlier = dict(self.stage.earlier)
        save_safetensors(options.weights_path, weights, earlier | facts, half=True)


def train(
    stage: Stage,
    options: RunOptions,
    clock: Callable[[], float] = time.monotonic,
    batches: Batches = stream_batches,
) -> Run:
    """Train a stage until its budget is spent or the process is asked to stop; always saves.

    Args:
        stage: what learns.
        options: how, and for how long.
        clock: seconds.
        batches: what it learns from; see `stream_batches`.

    Raises:
        TrainingError: the run cannot be resumed or shared, or the numbers stopped being finite.
    """
    if share().size > 1 and options.budget.steps is None:
        raise TrainingError("processes that train together need a budget in steps")
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(stage, options, clock)
    stage.module.train()
    log = options.out / f"{stage.name}.jsonl"
    with Journal(log, stage.name) as journal, _asked_to_stop() as asked:
        _loop(trainer, journal, asked, clock, _views(trainer, batches))
        trainer.save()
    if anywhere(bool(asked), trainer.device):
        raise KeyboardInterrupt
    wait_for_all()
    return trainer.run


def _loop(
    trainer: Trainer,
    journal: Journal,
    asked: list[int],
    clock: Callable[[], float],
    views: Iterator[ClipBatch],
) -> None:
    interval = Interval(clock(), trainer.run.step)
    saved_s = clock()
    for batch in views:
        if anywhere(bool(asked), trainer.device) or trainer.progress() >= 1.0:
            break
        interval.add(trainer.step(batch))
        now = clock()
        if now - interval.started_s >= LOG_INTERVAL_S:
            _tell(trainer, journal, interval, now)
            interval = Interval(now, trainer.run.step)
        if now - saved_s >= 60 * trainer.options.checkpoint_minutes:
            trainer.save()
            saved_s = clock()
    if interval.sums:
        _tell(trainer, journal, interval, clock())


def _tell(trainer: Trainer, journal: Journal, interval: Interval, now_s: float) -> None:
    if share().first:
        journal.record(trainer.progress(), interval.facts(trainer.run.step, now_s))


def _views(trainer: Trainer, source: Batches) -> Iterator[ClipBatch]:
    """Yield each batch as often as the stage looks at one, from where the run stands."""
    views, step = trainer.stage.views, trainer.run.step
    batches = source(trainer.options.plan, step // views, trainer.options.workers)
    skip = step % views
    for batch in batches:
        moved = batch.to(trainer.device)
        for _ in range(skip, views):
            yield moved
        skip = 0


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list for the while, instead of dying by them."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    before = {kind: signal.signal(kind, note) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
