"""A stand-in for TensorBoard, which is not installed with us: numbers as lines of a file."""

import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest


class LineWriter:
    """Takes what torch's SummaryWriter takes."""

    def __init__(self, folder: str) -> None:
        self.file = Path(folder) / "events.jsonl"
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "LineWriter":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def add_scalar(self, name: str, value: float, step: int) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps([name, step, value]) + "\n")

    def flush(self) -> None:
        pass


def install_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it look as if TensorBoard were installed; `LineWriter` takes what is written."""
    module = ModuleType("tensorboard")
    module.__spec__ = ModuleSpec("tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard", module)
    writers = ModuleType("torch.utils.tensorboard")
    vars(writers)["SummaryWriter"] = LineWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", writers)


def written(run: Path) -> dict[str, list[tuple[str, int, float]]]:
    """Return the numbers that were written below a run's folder, by the name of the curves."""
    return {
        file.parent.name: [tuple(json.loads(line)) for line in file.read_text().splitlines()]
        for file in sorted(run.glob("events/*/events.jsonl"))
    }
