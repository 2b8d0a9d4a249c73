"""The journal of a run: a JSON line per interval in a file, curves, progress on the console."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from maskstream_train.training.tensorboard import curves

Record = Callable[[float, Mapping[str, float]], None]
"""Records one interval: the share of the budget that is spent, and its numbers by name."""


@contextmanager
def journal(path: Path, stage: str) -> Iterator[Record]:
    """Yield a recorder for the intervals of a stage; a bar on a terminal, plain lines elsewhere."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task(stage, total=1.0, text="")

    def record(progress: float, facts: Mapping[str, float]) -> None:
        add(int(facts["step"]), {name: facts[name] for name in facts if name != "step"})
        rounded = {name: float(f"{value:.5g}") for name, value in facts.items()}
        with path.open("a") as file:
            file.write(json.dumps({"stage": stage, "progress": progress, **rounded}) + "\n")
        text = " ".join(f"{name} {value:.4g}" for name, value in facts.items())
        bar.update(task, completed=progress, text=text)
        if bar.disable:
            print(f"{stage} {100 * progress:5.1f} % {text}", file=sys.stderr, flush=True)

    with bar, curves(path.parent, stage) as add:
        yield record
