"""What of a model is compiled, and the network that stands in its place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from torch import Tensor, device, nn

from maskstream_model.aliases import Size
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.interface import Engine
from maskstream_model.port import Model


class RunsNetwork(Model[Any], Protocol):
    """A model that calls one network for the frames of a batch."""

    device: device
    fingerprint: str

    def batch_key(self, height: int, width: int) -> Size:
        """Return the size of such a frame in the network."""

    def use(self, network: Any, execution: Execution) -> None:
        """Call another network of the same weights from now on; before any session begins."""


@dataclass(frozen=True)
class Graph:
    """What a family lets backends compile: a network from tensors to a dataclass of tensors.

    All tensors have a batch axis in front; the first input is pictures `(B, 3, height, width)`.

    Attributes:
        model: of live frames, which calls it.
        network: eager.
        output: class of what it returns.
        fixed: returns the network for one size of pictures, as it can be exported: a copy, or the
            network itself.
    """

    model: RunsNetwork
    network: nn.Module
    output: type[Any]
    fixed: Callable[[Size], nn.Module]

    @property
    def names(self) -> Sequence[str]:
        """Names of the outputs, in their order."""
        return [field.name for field in fields(self.output)]


class CompiledNetwork(nn.Module):
    """Called like the eager network; sizes without an engine, and too large batches, run eagerly.

    Args:
        graph: what was compiled.
        engines: by the size of pictures in the network.
        max_batch: largest batch of an engine.
    """

    def __init__(self, graph: Graph, engines: Mapping[Size, Engine], max_batch: int) -> None:
        super().__init__()
        self.eager, self.output = graph.network, graph.output
        self.engines, self.max_batch = dict(engines), max_batch

    def __getattr__(self, name: str) -> Any:
        # Asked for what is found nowhere else; what engines lack, the eager network has.
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("eager"), name)

    def forward(self, images: Tensor, *further: Any) -> Any:
        """See the eager network; what is no tensor, as a pause, is for it alone."""
        height, width = images.shape[-2:]
        engine = self.engines.get((height, width))
        if engine is None or len(images) > self.max_batch:
            return self.eager(images, *further)
        inputs = [images, *(each for each in further if isinstance(each, Tensor))]
        # Engines are built for the usual order in memory.
        return self.output(*engine(*(each.contiguous() for each in inputs)))
