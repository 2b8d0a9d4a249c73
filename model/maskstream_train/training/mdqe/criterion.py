"""The losses of what queries of a clip say, layer by layer (docs/model.md 14.7)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.mdqe.assignment import ClipOutput, assign
from maskstream_train.training.mdqe.boxes import overlaps
from maskstream_train.training.mdqe.repulsion import mask_losses, surroundings
from maskstream_train.training.mdqe.truth import ClipTruth

WEIGHTS = {"classes": 2.0, "distance": 2.0, "boxes": 2.0, "mask": 4.0, "dice": 4.0}
"""Of the terms, as published."""
ALPHA, GAMMA = 0.25, 2.0
"""Of the focal loss: weight of what is there, and exponent of the doubt."""


def focal_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the focal loss of logits, each by itself; `truth` is 0 or 1, of the same shape."""
    surprise = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    doubt = (truth - logits.sigmoid()).abs() ** GAMMA
    return (ALPHA * truth + (1 - ALPHA) * (1 - truth)) * doubt * surprise


def clip_losses(
    layers: Sequence[ClipOutput], truth: ClipTruth, repulsion: bool
) -> dict[str, Tensor]:
    """Return the weighted losses of a clip, summed over layers that are matched one by one.

    Args:
        layers: before the first layer of the decoder, and after each.
        truth: of the clip.
        repulsion: whether masks keep off the objects nearby; without, they have the usual losses.
    """
    around = surroundings(truth) if repulsion else torch.zeros_like(truth.masks)
    every = [_layer_losses(output, truth, around) for output in layers]
    return {
        name: weight * torch.stack([terms[name] for terms in every]).sum()
        for name, weight in WEIGHTS.items()
    }


def _layer_losses(output: ClipOutput, truth: ClipTruth, around: Tensor) -> dict[str, Tensor]:
    wanted = torch.zeros_like(output.logits)
    nothing = output.boxes.sum() * 0.0 + output.mask_logits.sum() * 0.0
    terms = dict.fromkeys(WEIGHTS, nothing)
    if len(truth):
        objects = assign(output, truth)
        queries = (objects != UNMATCHED).nonzero()[:, 0]
        objects = objects[queries]
        wanted[queries, truth.labels[objects]] = 1.0
        terms |= _box_losses(output.boxes[:, queries], truth, objects)
        masks = [part.flatten(1) for part in (truth.masks[objects], around[objects])]
        bce, dice = mask_losses(output.mask_logits[queries].flatten(1), *masks)
        terms |= {"mask": bce.mean(), "dice": dice.mean()}
    return terms | {"classes": focal_loss(output.logits, wanted).sum(1).mean()}


def _box_losses(boxes: Tensor, truth: ClipTruth, objects: Tensor) -> dict[str, Tensor]:
    """Return distance and overlap of the boxes `(T, M, 4)` of queries that show `objects`."""
    seen, theirs = truth.present[:, objects], truth.boxes[:, objects]
    found, wanted = boxes[seen], theirs[seen]
    _, generalised = overlaps(found[:, None], wanted[:, None])
    return {
        "distance": (found - wanted).abs().sum(-1).mean(),
        "boxes": (1 - generalised).mean(),
    }
