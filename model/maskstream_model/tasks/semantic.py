"""Semantic segmentation from tracks: a class for every pixel (docs/model.md 3.6, "vss")."""

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.probabilities import (
    Placement,
    living_masks,
    mask_probabilities,
)
from maskstream_model.transfers import upload

VOID = -1
"""Where there is no track at all."""
MAX_VALUES = 2**23
"""Class scores of pixels that are held at once: 32 MiB."""


def semantic_frame(output: FrameOutput, size: Size) -> Tensor:
    """Return the class of every pixel of a frame, `(height, width)` int64, or `VOID`.

    Differs from reference: a track's class is decided by the frames up to this one.

    Args:
        output: of the model.
        size: `(height, width)` wanted.
    """
    rows, masks = living_masks(output)
    logits = upload(output.mean_logits, masks.device)[rows]
    return class_map(logits, masks, Placement.of(output, size))


def class_scores(output: FrameOutput) -> Tensor:
    """Return `(K,)` the best probability with which a living track of a frame is of each class."""
    rows = output.living.nonzero()[:, 0].to(output.mean_logits.device)
    shares = output.mean_logits[rows].softmax(-1)[:, :-1]
    return shares.amax(0) if len(rows) else shares.sum(0)


def class_map(logits: Tensor, mask_logits: Tensor, placement: Placement) -> Tensor:
    """Return for each pixel the class to which most tracks give most, `(height, width)` int64.

    Args:
        logits: `(N, K + 1)` class logits of tracks.
        mask_logits: `(N, H, W)` of the same tracks.
        placement: where the masks are in the picture.
    """
    if len(logits) == 0:
        return torch.full(placement.size, VOID, device=logits.device)
    shares = logits.softmax(-1)[:, :-1].T  # (N, K + 1) -> (K, N)
    probabilities = mask_probabilities(mask_logits, placement)
    # Band by band: the scores of all classes take far more memory than the masks.
    height = max(1, MAX_VALUES // (len(shares) * placement.size[1]))
    # (K, N) @ (N, rows * width) -> (K, rows * width) -> (rows, width)
    bands = [
        (shares @ band.flatten(1)).argmax(0).view(band.shape[1:])
        for band in torch.split(probabilities, height, 1)
    ]
    return torch.cat(bands)
