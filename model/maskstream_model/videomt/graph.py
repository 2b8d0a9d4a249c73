"""What backends may compile of VidEoMT: the network, with the positions of one size."""

from maskstream_model.aliases import Size
from maskstream_model.backbones.vit import PATCH
from maskstream_model.backends.graph import Graph
from maskstream_model.videomt.model import VideomtModel
from maskstream_model.videomt.network import VideomtNetwork, VideomtOutput


def network_graph(model: VideomtModel) -> Graph:
    """Return the network of a model, which is eager."""
    network = model.network
    assert isinstance(network, VideomtNetwork)

    def fixed(size: Size) -> VideomtNetwork:
        return network.with_grid(size[0] // PATCH, size[1] // PATCH)

    return Graph(model, network, VideomtOutput, fixed)
