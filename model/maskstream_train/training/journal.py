"""What a run tells: one JSON line per interval in a file, and a bar or plain lines for people."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Journal:
    """Writes records of a stage; a bar on a terminal, plain lines elsewhere."""

    def __init__(self, path: Path, stage: str, tty: bool | None = None) -> None:
        self._path, self._stage = path, stage
        shown = sys.stderr.isatty() if tty is None else tty
        self._bar = _bar() if shown else None

    def __enter__(self) -> Self:
        """Start the bar, where there is one."""
        if self._bar is not None:
            self._bar.start()
            self._bar.add_task(self._stage, total=1.0, text="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the bar."""
        if self._bar is not None:
            self._bar.stop()

    def record(self, progress: float, facts: Mapping[str, float]) -> None:
        """Note one interval; `progress` is the share of the budget spent."""
        rounded = {name: float(f"{value:.5g}") for name, value in facts.items()}
        with self._path.open("a") as file:
            file.write(json.dumps({"stage": self._stage, "progress": progress, **rounded}) + "\n")
        text = " ".join(f"{name} {value:.4g}" for name, value in facts.items())
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=progress, text=text)
        else:
            print(f"{self._stage} {100 * progress:5.1f} % {text}", file=sys.stderr, flush=True)


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    return Progress(*columns)
