"""Backends made for a test: their engines are eager, or eager with a fault."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from maskstream_model.backends.interface import Engine, Source, TensorNetwork

Outputs = list[Tensor]
Fault = Callable[[Outputs], Outputs]
"""Changes the outputs of an engine."""


def eager_engine(source: Source) -> Engine:
    """An engine that computes what a right one would."""
    network = TensorNetwork(source.network, source.names, "float32")
    return torch.no_grad()(network)


class StandInBackend:
    """A backend that counts its builds; implements `Backend`.

    Args:
        fault: what is wrong with its engines; None: nothing.
        reason: its obstacle.
    """

    PRECISIONS = ("float32", "bfloat16")

    def __init__(self, fault: Fault | None = None, reason: str | None = None) -> None:
        self.fault, self.reason, self.builds = fault, reason, 0

    def obstacle(self, device: torch.device) -> str | None:
        return self.reason

    def versions(self) -> str:
        return "stand-in 1"

    def build(self, source: Source, folder: Path) -> str:
        self.builds += 1
        (folder / "engine").write_text("right")
        return "a stand-in"

    def load(self, source: Source, folder: Path) -> Engine:
        assert (folder / "engine").read_text() == "right"
        engine = eager_engine(source)
        return engine if self.fault is None else with_fault(engine, self.fault)


def with_fault(engine: Engine, fault: Fault) -> Engine:
    """An engine whose outputs are changed."""

    def faulty(*inputs: Tensor) -> Sequence[Tensor]:
        return fault([each.clone() for each in engine(*inputs)])

    return faulty
