"""A network with an engine for one size of pictures; `videomt/compile.py` makes it."""

from torch import Tensor, nn

from maskstream_model.aliases import Pause
from maskstream_model.compilers import CompiledEngine
from maskstream_model.videomt.network import VideomtNetwork, VideomtOutput


class CompiledNetwork(nn.Module):
    """Called like a `VideomtNetwork`; pictures of another size, or too many, run eagerly.

    Args:
        network: eager.
        engine: from pictures and queries to the tensors of a `VideomtOutput`, in its order.
        largest: shape of the largest batch of pictures that the engine takes.
    """

    def __init__(
        self, network: VideomtNetwork, engine: CompiledEngine, largest: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.engine = engine
        self.largest = largest

    def first_queries(self) -> Tensor:
        """See `VideomtNetwork.first_queries`."""
        return self.network.first_queries()

    def forward(self, images: Tensor, queries: Tensor, pause: Pause | None = None) -> VideomtOutput:
        """See `VideomtNetwork.forward`."""
        batch, *shape = images.shape
        if batch > self.largest[0] or tuple(shape) != self.largest[1:]:
            output: VideomtOutput = self.network(images, queries, pause)
            return output
        # Engines are built for the usual order in memory.
        return VideomtOutput(*self.engine(images.contiguous(), queries))


AnyNetwork = VideomtNetwork | CompiledNetwork
"""What a `VideomtModel` calls."""
