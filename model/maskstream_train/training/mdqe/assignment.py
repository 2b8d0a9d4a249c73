"""Which queries are to show which object: several for each, those that cost least (14.7)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.mdqe.boxes import corners, overlaps
from maskstream_train.training.mdqe.truth import ClipTruth

BOX_COST, MASK_COST = 2.0, 4.0
AWAY_COST = 100.0
"""Of each frame on which a query's box has its centre beside all objects."""
NEAR_CENTRE = 2.5 / 32
"""How far from an object's centre that of a box may be, as a share of each side."""
MIN_QUERIES, BEST = 2, 10


@dataclass(frozen=True)
class ClipOutput:
    """What `Q` queries say of a clip of `T` frames.

    Attributes:
        logits: `(Q, K)` of classes.
        mask_logits: `(Q, T, H, W)`.
        boxes: `(T, Q, 4)` centre and size, 0 to 1.
    """

    logits: Tensor
    mask_logits: Tensor
    boxes: Tensor


@torch.no_grad()
def assign(output: ClipOutput, truth: ClipTruth) -> Tensor:
    """Return `(Q,)` int64: the object of each query, `UNMATCHED` for most.

    An object has as many queries as the generalised IoUs of its ten best ones add up to, two at
    least. A query that several objects would have is that of the one for which it costs least.
    """
    prices, quality = costs(output, truth)
    best = quality.topk(min(BEST, len(quality)), 0).values
    counts = best.sum(0).int().clamp(min=min(MIN_QUERIES, len(prices)))
    chosen = torch.zeros_like(prices, dtype=torch.bool)
    for item, count in enumerate(counts.tolist()):
        chosen[prices[:, item].topk(count, largest=False).indices, item] = True
    cheapest = prices.masked_fill(~chosen, torch.inf).argmin(1)
    return torch.where(chosen.any(1), cheapest, UNMATCHED)


def costs(output: ClipOutput, truth: ClipTruth) -> tuple[Tensor, Tensor]:
    """Return `(Q, G)` what it costs a query to show an object, and how well its boxes fit."""
    seen = truth.present.float()[:, None]  # (T, 1, G)
    frames = seen.sum(0)
    distance = (output.boxes[:, :, None] - truth.boxes[:, None]).abs().sum(-1)  # (T, Q, G)
    _, generalised = overlaps(output.boxes, truth.boxes)
    quality = (generalised * seen).sum(0) / frames
    boxes = (distance * seen).sum(0) / frames + 1 - quality
    classes = output.logits.sigmoid()[:, truth.labels]
    masks = _mask_costs(output.mask_logits.flatten(1), truth.masks.flatten(1).float())
    away = AWAY_COST * beside(output.boxes, truth).sum(0)
    return away[:, None] - classes + BOX_COST * boxes + MASK_COST * masks, quality


def beside(boxes: Tensor, truth: ClipTruth) -> Tensor:
    """Return `(T, Q)` bool: where the centre of a box is in no object's box and near no centre."""
    centre = boxes[..., None, :2]  # (T, Q, 1, 2)
    edges = corners(truth.boxes)[:, None]  # (T, 1, G, 4)
    inside = (centre > edges[..., :2]).all(-1) & (centre < edges[..., 2:]).all(-1)
    near = ((centre - truth.boxes[:, None, :, :2]).abs() < NEAR_CENTRE).all(-1)
    return ~((inside | near) & truth.present[:, None]).any(-1)


def _mask_costs(logits: Tensor, masks: Tensor) -> Tensor:
    """Return cross entropy and dice `(Q, G)` of logits `(Q, P)` and masks `(G, P)`."""
    bce = (F.softplus(logits).sum(1, keepdim=True) - logits @ masks.T) / logits.shape[1]
    inside = logits.sigmoid()
    total = inside.sum(1, keepdim=True) + masks.sum(1)
    return bce + 1 - (2 * (inside @ masks.T) + 1) / (total + 1)
