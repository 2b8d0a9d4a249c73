"""What every backend has, what it builds engines from, and what of a model it computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from maskstream_model.backends.sampling_choice import grid_sample_allowed
from maskstream_model.errors import CompileError, first_line

Precision = Literal["float32", "bfloat16"]
Engine: TypeAlias = Callable[..., Sequence[Tensor]]
"""From the inputs of a network, batches all of them, to its outputs in their order."""


class TensorNetwork(nn.Module):
    """A network with a tuple as its output, computed in a precision.

    Args:
        network: from tensors to a dataclass of tensors.
        names: fields of what it returns, in the order of the tuple.
        precision: of matrix products and convolutions; what needs float32 leaves autocast itself.
    """

    def __init__(self, network: nn.Module, names: Sequence[str], precision: Precision) -> None:
        super().__init__()
        self.network, self.names, self.precision = network, tuple(names), precision

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs as float32, whatever they are computed in."""
        if self.precision == "float32":
            output = self.network(*inputs)
        else:
            with torch.autocast(inputs[0].device.type, torch.bfloat16):
                output = self.network(*inputs)
        return tuple(getattr(output, name).float() for name in self.names)


@dataclass(frozen=True)
class Source:
    """What an engine is built from.

    Attributes:
        network: eager, for one size of pictures.
        names: fields of what it returns, which are the outputs of the engine.
        largest: inputs with the largest batch; an engine takes batches of 1 to that.
        precision: what the engine computes in.
    """

    network: nn.Module
    names: Sequence[str]
    largest: Sequence[Tensor]
    precision: Precision

    @property
    def max_batch(self) -> int:
        """Largest batch of an engine."""
        return len(self.largest[0])

    @property
    def device(self) -> torch.device:
        """Where an engine runs."""
        return self.largest[0].device

    def program(
        self, precision: Precision | None = None, grid_sample: bool = False
    ) -> ExportedProgram:
        """Return the graph of the network, for batches of 1 to the largest.

        Args:
            precision: other than the source's own, for backends that lower it themselves.
            grid_sample: whether the graph may hold `grid_sample`; see `sampling_choice`.

        Raises:
            CompileError: the graph could not be captured.
        """
        most = self.max_batch
        # An example of one would make the batch a constant.
        examples = tuple(each[: min(most, 2)].clone() for each in self.largest)
        shapes = None
        if most > 1:
            batch = Dim("batch", min=1, max=most)
            # One tuple for the one parameter, which takes all inputs.
            shapes = (tuple({0: batch} for _ in examples),)
        module = TensorNetwork(self.network, self.names, precision or self.precision).eval()
        try:
            with torch.no_grad(), grid_sample_allowed(grid_sample):
                return export(module, examples, dynamic_shapes=shapes, strict=False)
        except Exception as error:
            raise CompileError(f"the network could not be exported: {first_line(error)}") from error


class Backend(Protocol):
    """A module of this package that builds engines.

    Attributes:
        PRECISIONS: what its engines may compute in.
    """

    PRECISIONS: tuple[Precision, ...]

    def obstacle(self, device: torch.device) -> str | None:
        """Return why it cannot run here, for a sentence; None: it can."""

    def versions(self) -> str:
        """Return the versions on which an engine depends, beside torch's."""

    def build(self, source: Source, folder: Path) -> str:
        """Write an engine to an empty folder.

        Returns:
            what is worth knowing of it, for people; may be empty.

        Raises:
            Exception: of any kind, where the compiler fails.
        """

    def load(self, source: Source, folder: Path) -> Engine:
        """Return the engine that `build` wrote for such a source.

        Raises:
            Exception: of any kind, where files are damaged.
        """
