"""Naive sequences: segment queries linked from frame to frame (docs/model.md 4, point 4).

They fill the rows that tracks leave free in the refiner. Each of the `Q` sequences takes one query
of every frame, so that a sequence's number is its identity over the whole video.
"""

import torch
from torch import Tensor

from maskstream_model.daq.hungarian import link


def follow(previous: Tensor | None, embeddings: Tensor) -> Tensor:
    """Return the query of a frame that each sequence takes, `(Q,)` int64 on the CPU.

    Args:
        previous: `(Q, C)` embeddings that the sequences took on the frame before; None on the
            first frame of a video.
        embeddings: `(Q, C)` of the segmenter.
    """
    if previous is None:
        return torch.arange(len(embeddings))
    return link(previous, embeddings, similarity_min=-torch.inf)
