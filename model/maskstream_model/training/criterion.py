"""The set-prediction loss of one frame batch under deep supervision (Mask2Former section 3)."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from maskstream_model.training.distribution import mean_over_processes
from maskstream_model.training.losses import LossWeights, MaskPairs, class_loss, mask_losses
from maskstream_model.training.matcher import (
    UNMATCHED,
    MatchCost,
    assign,
    match_costs,
    objects_of_rows,
)
from maskstream_model.training.points import PointSampling
from maskstream_model.training.targets import FrameTargets


@dataclass(frozen=True)
class Criterion:
    """What is compared and how much each part counts."""

    weights: LossWeights = field(default_factory=LossWeights)
    cost: MatchCost = field(default_factory=MatchCost)
    sampling: PointSampling = field(default_factory=PointSampling)

    def terms(self, classes: Tensor, mask: Tensor, dice: Tensor) -> dict[str, Tensor]:
        """Return the three terms under their names, weighted."""
        return {
            "class": self.weights.classes * classes,
            "mask": self.weights.mask * mask,
            "dice": self.weights.dice * dice,
        }


def classes_of_rows(objects: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Return the target class `(..., R)` of rows: their object's label, or K for no object.

    Args:
        objects: `(..., R)` int64 object of each row, `UNMATCHED` where none.
        labels: `(..., O)` int64, same leading axes.
        num_classes: K.
    """
    label = labels.gather(-1, objects.clamp(min=0))
    return torch.where(objects == UNMATCHED, num_classes, label)


def set_losses(
    logits: Tensor,
    mask_logits: Tensor,
    targets: FrameTargets,
    criterion: Criterion,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Match every layer by itself and return its weighted losses, summed over layers.

    Args:
        logits: `(L, B, Q, K + 1)`.
        mask_logits: `(L, B, Q, H, W)`.
        targets: truth of the `B` frames.
        criterion: weights, costs, points.
        generator: draws the points.
    """
    layers, _, queries = logits.shape[:3]
    costs = match_costs(logits, mask_logits, targets, criterion.cost, generator)
    rows = assign(costs, targets.present)
    objects = objects_of_rows(rows, queries)
    labels = targets.labels.expand(layers, -1, -1)
    classes = classes_of_rows(objects, labels, logits.shape[-1] - 1)
    pairs = matched_pairs(mask_logits, rows, targets)
    num_masks = max(1.0, mean_over_processes(len(pairs.index) / layers, logits.device))
    mask, dice = mask_losses(pairs, num_masks, criterion.sampling, generator)
    by_class = class_loss(logits.flatten(1, 2), classes.flatten(1), criterion.weights.no_object)
    return criterion.terms(by_class, mask, dice)


def matched_pairs(mask_logits: Tensor, rows: Tensor, targets: FrameTargets) -> MaskPairs:
    """Collect the masks `(L, B, R, H, W)` of all matched rows `(L, B, O)` with their truth."""
    layer, frame, item = (rows != UNMATCHED).nonzero(as_tuple=True)
    picked = mask_logits[layer, frame, rows[layer, frame, item]]
    num_objects = targets.labels.shape[1]
    return MaskPairs(picked, targets.masks.flatten(0, 1), frame * num_objects + item)
