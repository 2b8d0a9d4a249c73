"""The training loop: fetch, step, tell, save; ends with its budget, on Ctrl-C or on SIGTERM."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import torch
from torch import Tensor

from maskstream_model.config import PresetConfig
from maskstream_model.errors import TrainingError
from maskstream_train.training.batches import stream_batches
from maskstream_train.training.distribution import anywhere, share, wait_for_all
from maskstream_train.training.journal import Record, journal
from maskstream_train.training.run_checkpoint import Run, make_folder
from maskstream_train.training.run_options import Plan, StageOptions
from maskstream_train.training.stage import Stage
from maskstream_train.training.targets import ClipBatch
from maskstream_train.training.trainer import Trainer

Batches = Callable[[Plan, int, int], Iterator[ClipBatch]]
"""Yields the batches of a plan from a number on, with so many processes to make them."""
Observe = Callable[[Trainer], None]
"""Called after every step; it must not affect the run."""
LOG_INTERVAL_S = 15.0


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


def train(
    stage: Stage,
    options: StageOptions[PresetConfig],
    clock: Callable[[], float] = time.monotonic,
    batches: Batches = stream_batches,
    observe: Observe = lambda trainer: None,
) -> Run:
    """Train a stage until its budget is spent or the process is asked to stop; always saves.

    Args:
        stage: what learns.
        options: how, and for how long.
        clock: seconds.
        batches: what it learns from; see `stream_batches`.
        observe: called after every step.

    Raises:
        TrainingError: the run cannot be written, resumed or shared, or the numbers stopped being
            finite.
    """
    if share().size > 1 and options.budget.steps is None:
        raise TrainingError("processes that train together need a budget in steps")
    make_folder(options.out)
    trainer = Trainer(stage, options, clock)
    stage.module.train()
    log = options.out / f"{stage.name}.jsonl"
    with journal(log, stage.name) as record, _asked_to_stop() as asked:
        _loop(trainer, record, asked, clock, _views(trainer, batches), observe)
        trainer.save()
    if anywhere(bool(asked), trainer.device):
        raise KeyboardInterrupt
    wait_for_all()
    return trainer.run


def _loop(
    trainer: Trainer,
    record: Record,
    asked: list[int],
    clock: Callable[[], float],
    views: Iterator[ClipBatch],
    observe: Observe,
) -> None:
    interval = Interval(clock(), trainer.run.step)
    saved_s = clock()
    for batch in views:
        if anywhere(bool(asked), trainer.device) or trainer.progress() >= 1.0:
            break
        interval.add(trainer.step(batch))
        observe(trainer)
        now = clock()
        if now - interval.started_s >= LOG_INTERVAL_S:
            _tell(trainer, record, interval, now)
            interval = Interval(now, trainer.run.step)
        if now - saved_s >= 60 * trainer.options.checkpoint_minutes:
            trainer.save()
            saved_s = clock()
    if interval.sums:
        _tell(trainer, record, interval, clock())


def _tell(trainer: Trainer, record: Record, interval: Interval, now_s: float) -> None:
    if share().first:
        record(trainer.progress(), interval.facts(trainer.run.step, now_s))


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
