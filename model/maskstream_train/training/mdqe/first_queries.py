"""The losses of where queries begin: the map of classes, and embeddings that link frames (14.7)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.mdqe.queries import middle_of
from maskstream_train.training.mdqe.criterion import focal_loss
from maskstream_train.training.mdqe.truth import ClipTruth

MAP_WEIGHT, CONTRAST_WEIGHT, COSINE_WEIGHT = 2.0, 0.5, 0.5
MOST = 1e3
"""Limit of the sum in the contrastive loss."""


def map_loss(logits: Tensor, truth: ClipTruth) -> Tensor:
    """Return the weighted loss of the map of classes `(T, h, w, K)` at stride 8.

    Differs from the reference: all cells, without a weight by their distance to an object's centre.
    """
    classes = F.one_hot(truth.labels, logits.shape[-1]).float()
    shown = torch.einsum("gthw,gk->tkhw", truth.masks.float(), classes).clamp(max=1)
    # (T, K, H, W) -> (T, K, h, w) -> (T, h, w, K)
    wanted = F.adaptive_max_pool2d(shown, logits.shape[1:3]).movedim(1, -1)
    count = wanted.sum().clamp(min=1)
    return MAP_WEIGHT * focal_loss(logits, wanted).sum() / count


def hits(points: Tensor, truth: ClipTruth) -> Tensor:
    """Return `(T, G, Q)` bool: which objects are at which of the points `(T, Q, 2)`."""
    height, width = truth.masks.shape[2:]
    x = (points[..., 0] * width).long().clamp(0, width - 1)
    y = (points[..., 1] * height).long().clamp(0, height - 1)
    places = (y * width + x)[:, None].expand(-1, len(truth), -1)
    # (G, T, H, W) -> (T, G, H * W) -> (T, G, Q)
    return truth.masks.transpose(0, 1).flatten(2).gather(2, places)


def link_losses(embeds: Tensor, points: Tensor, truth: ClipTruth) -> dict[str, Tensor]:
    """Return the weighted losses by which queries of one object become alike.

    For each object a query of the middle frame is compared with all queries of the clip.

    Args:
        embeds: `(T, Q, E)`.
        points: `(T, Q, 2)`, where the queries began.
        truth: of the clip.
    """
    nothing = embeds.sum() * 0.0
    owned, middle = hits(points, truth), middle_of(len(points))
    contrast, cosine = [nothing], [nothing]
    for item in range(len(truth)):
        same = owned[:, item]
        anchors = same[middle].nonzero()[:, 0]
        if len(anchors) == 0 or same.sum() < 2:
            continue
        anchor = embeds[middle, anchors[len(anchors) // 2]]
        alike, label = embeds.flatten(0, 1) @ anchor, same.flatten()
        apart = (alike[~label] - alike[label][:, None]).exp().sum(1).clamp(max=MOST)
        contrast.append(torch.log1p(apart).mean())
        angle = F.cosine_similarity(embeds.flatten(0, 1), anchor[None], dim=1)
        cosine.append((angle - label.float()).square().mean())
    return {
        "contrast": CONTRAST_WEIGHT * torch.stack(contrast).sum() / max(1, len(contrast) - 1),
        "cosine": COSINE_WEIGHT * torch.stack(cosine).sum() / max(1, len(cosine) - 1),
    }
