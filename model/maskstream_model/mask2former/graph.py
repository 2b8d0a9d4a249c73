"""What backends may compile of models with Mask2Former inside: the segmenter, its norms folded."""

import copy
from typing import Any

from maskstream_model.aliases import Size
from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.backends.graph import Graph
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput


def segmenter_graph(model: Any) -> Graph:
    """Return the segmenter of a model of live frames, which is eager."""

    def fixed(size: Size) -> Segmenter:
        folded: Segmenter = copy.deepcopy(model.segmenter)
        fold_batch_norm(folded)
        return folded

    return Graph(model, model.segmenter, SegmenterOutput, fixed)
