"""The mask losses of MDQE: pixels of objects nearby are to be switched off (docs/model.md 14.7)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_train.training.mdqe.boxes import overlaps
from maskstream_train.training.mdqe.truth import ClipTruth

NEAR_IOU = 0.1
"""Boxes of neighbours overlap by more, on one frame at least."""
MIN_SIDE = 0.05
"""Sides of smaller boxes count as so long, as a share of the picture."""


def neighbours(truth: ClipTruth) -> Tensor:
    """Return `(G, G)` bool: which objects are near each other; each is its own neighbour."""
    sized = torch.cat([truth.boxes[..., :2], truth.boxes[..., 2:].clamp(min=MIN_SIDE)], -1)
    iou, _ = overlaps(sized, sized)  # (T, G, G)
    both = truth.present[:, :, None] & truth.present[:, None]
    near: Tensor = (iou * both).amax(0) > NEAR_IOU
    return near | torch.eye(len(truth), dtype=torch.bool, device=near.device)


def surroundings(truth: ClipTruth) -> Tensor:
    """Return `(G, T, H, W)` bool: the pixels of each object and of its neighbours."""
    # (G, G) @ (G, T * H * W) -> (G, T * H * W)
    counts = neighbours(truth).float() @ truth.masks.flatten(1).float()
    return (counts > 0).view_as(truth.masks)


def mask_losses(logits: Tensor, masks: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
    """Return binary cross entropy and dice loss `(M,)` of predictions.

    Pixels in `around` count twice in the cross entropy; in the dice loss those of other objects
    count as found where they are off. With an empty `around` both are the usual losses.

    Args:
        logits: `(M, P)`.
        masks: `(M, P)` bool, the truth of each.
        around: `(M, P)` bool, the object and its neighbours.
    """
    truth, weights = masks.float(), 1.0 + around
    others = (around & ~masks).float()
    losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    inside = logits.sigmoid()
    found = 2 * (inside * truth).sum(1) + ((1 - inside) * others).sum(1)
    total = inside.sum(1) + truth.sum(1) + others.sum(1)
    return (weights * losses).sum(1) / weights.sum(1), 1 - (found + 1) / (total + 1)
