"""What backends may compile of GenVIS: the frame encoder, its norms folded.

The module of clips stays eager: it is small, and clips and memories differ in length.
"""

import copy

from maskstream_model.aliases import Size
from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.backends.graph import Graph
from maskstream_model.genvis.frames import EncodedFrames, FrameEncoder
from maskstream_model.genvis.model import GenvisModel


def encoder_graph(model: GenvisModel) -> Graph:
    """Return the frame encoder of a model, which is eager."""
    encoder = model.encoder
    assert isinstance(encoder, FrameEncoder)

    def fixed(size: Size) -> FrameEncoder:
        folded = copy.deepcopy(encoder)
        fold_batch_norm(folded)
        return folded

    return Graph(model, encoder, EncodedFrames, fixed)
