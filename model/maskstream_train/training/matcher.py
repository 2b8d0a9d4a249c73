"""Hungarian matching of predictions with objects, on points.

See docs/model.md 6.1: 2 class, 5 mask, 5 dice.

Everything is padded and batched: costs of all layers and frames are one product on the device, one
copy brings them to the host, and the answer has a fixed shape again.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from maskstream_train.training.points import random_points, sample_logits, sample_targets
from maskstream_train.training.targets import FrameTargets

UNMATCHED = -1
NOT_HERE = -30.0


@dataclass(frozen=True)
class MatchCost:
    """Weights of the three costs, and the number of points `P` that the masks are compared on."""

    class_weight: float = 2.0
    mask_weight: float = 5.0
    dice_weight: float = 5.0
    num_points: int = 512


@torch.no_grad()
def match_costs(
    logits: Tensor,
    mask_logits: Tensor,
    targets: FrameTargets,
    cost: MatchCost,
    generator: torch.Generator,
) -> Tensor:
    """Return the cost `(L, B, R, O)` float32 of giving row `r` object `o`.

    Args:
        logits: `(L, B, R, K + 1)` class logits of `L` layers.
        mask_logits: `(L, B, R, H, W)`.
        targets: the truth of the same `B` frames; all layers of a frame share their points.
        cost: weights.
        generator: draws the points.
    """
    layers, batch = mask_logits.shape[:2]
    points = random_points((batch, cost.num_points), generator)
    # (B, P, 2) -> (L * B, P, 2); (L, B, R, H, W) -> (L * B, R, H, W) -> (L * B, R, P)
    shared = points.expand(layers, -1, -1, -1).flatten(0, 1)
    drawn = sample_logits(mask_logits.flatten(0, 1), shared)
    drawn = drawn.view(layers, batch, *drawn.shape[1:])
    objects = targets.labels.shape[1]
    index = torch.arange(batch * objects, device=points.device)
    # (B, O, h, w) -> (B * O, h, w) -> (B * O, P) -> (1, B, O, P)
    truth = sample_targets(
        targets.masks.flatten(0, 1), index, points.repeat_interleave(objects, dim=0)
    ).view(1, batch, objects, -1)
    labels = targets.labels.view(1, batch, 1, objects).expand(layers, -1, logits.shape[2], -1)
    class_cost = -logits.float().softmax(-1).gather(3, labels)
    if targets.doubtful is not None:
        frames = torch.arange(batch, device=points.device)
        unsure = sample_targets(targets.doubtful, frames, points).view(1, batch, 1, -1)
        # A large negative logit: background in every true mask, so that it adds no cost.
        drawn = drawn.masked_fill(unsure > 0, NOT_HERE)
    mask_cost, dice_cost = _pairwise_mask_costs(drawn, truth)
    return (
        cost.class_weight * class_cost + cost.mask_weight * mask_cost + cost.dice_weight * dice_cost
    )


def _pairwise_mask_costs(drawn: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return BCE and dice `(L, B, R, O)` of logits `(L, B, R, P)` and truth `(1, B, O, P)`."""
    # (1, B, O, P) -> (1, B, P, O), so that (L, B, R, P) @ it -> (L, B, R, O)
    across = truth.transpose(-1, -2)
    bce = (F.softplus(drawn).sum(-1, keepdim=True) - drawn @ across) / drawn.shape[-1]
    inside = drawn.sigmoid()
    area = inside.sum(-1, keepdim=True) + truth.sum(-1).unsqueeze(-2)
    return bce, 1.0 - (2.0 * (inside @ across) + 1.0) / (area + 1.0)


def assign(costs: Tensor, wanted: Tensor) -> Tensor:
    """Give every wanted object its own row, at the least total cost.

    Args:
        costs: `(L, B, R, O)`.
        wanted: `(B, O)` bool; other objects take part in nothing.

    Returns:
        `(L, B, O)` int64 on the device of `costs`: the row of an object, `UNMATCHED` where it is
        not wanted or where rows ran out.
    """
    table = torch.nan_to_num(costs, nan=1e4, posinf=1e4, neginf=-1e4).cpu().numpy()
    allowed = wanted.cpu().numpy()
    layers, batch, _, objects = table.shape
    rows = np.full((layers, batch, objects), UNMATCHED, dtype=np.int64)
    for frame in range(batch):
        columns = np.flatnonzero(allowed[frame])
        for layer in range(layers):
            chosen, picked = linear_sum_assignment(table[layer, frame][:, columns])
            rows[layer, frame, columns[picked]] = chosen
    return torch.from_numpy(rows).to(costs.device)


def objects_of_rows(rows: Tensor, num_rows: int) -> Tensor:
    """Turn `(..., O)` rows of objects into `(..., R)` objects of rows, `UNMATCHED` where none."""
    objects = torch.arange(rows.shape[-1], device=rows.device).expand_as(rows)
    slots = torch.full((*rows.shape[:-1], num_rows + 1), UNMATCHED, device=rows.device)
    # Unmatched objects all write into one spare slot at the end, which is cut off.
    target = torch.where(rows == UNMATCHED, num_rows, rows)
    return slots.scatter(-1, target, objects)[..., :num_rows]
