"""The set-prediction loss of one frame batch under deep supervision (Mask2Former section 3)."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from maskstream_train.training.distribution import mean_over_processes
from maskstream_train.training.losses import (
    LossWeights,
    MaskPairs,
    class_loss,
    mask_ious,
    mask_losses,
)
from maskstream_train.training.matcher import (
    UNMATCHED,
    MatchCost,
    assign,
    match_costs,
    objects_of_rows,
)
from maskstream_train.training.points import PointSampling
from maskstream_train.training.targets import FrameTargets


@dataclass(frozen=True)
class Criterion:
    """What is compared and how much each part counts.

    Attributes:
        weights: of the terms.
        cost: of the matcher.
        sampling: of the points on which masks are compared.
        soft_classes: a row with an object is to show its class only as much as its mask is right
            (IoU), and "no object" for the rest: scores then rank masks. Not in the paper; after
            the position-supervised loss of Stable-DINO (arXiv 2304.04742). The refiner ignores it.
    """

    weights: LossWeights = field(default_factory=LossWeights)
    cost: MatchCost = field(default_factory=MatchCost)
    sampling: PointSampling = field(default_factory=PointSampling)
    soft_classes: bool = False

    def terms(self, classes: Tensor, mask: Tensor, dice: Tensor) -> dict[str, Tensor]:
        """Return the three terms under their names, weighted."""
        return {
            "class": self.weights.classes * classes,
            "mask": self.weights.mask * mask,
            "dice": self.weights.dice * dice,
        }

    def class_shares(self, pairs: MaskPairs, rows: Tensor, shape: tuple[int, int]) -> Tensor | None:
        """Return how much of its class each row is to show, `(L, R)` 0 to 1; None for all of it.

        Args:
            pairs: masks of the `M` rows that have an object to show.
            rows: `(M,)` int64, which of the `L * R` rows they are.
            shape: `L` layers and `R` rows.
        """
        if not self.soft_classes:
            return None
        shares = torch.ones(shape, device=rows.device)
        shares.view(-1)[rows] = mask_ious(pairs)
        return shares


def in_layers(rows: Tensor, layers: int, num_rows: int) -> Tensor:
    """Return `rows (M,)` of each of `L` layers of `R` rows, numbered through, `(L * M,)`."""
    starts = num_rows * torch.arange(layers, device=rows.device)
    return (starts[:, None] + rows).flatten()


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
    layers, batch, queries = logits.shape[:3]
    costs = match_costs(logits, mask_logits, targets, criterion.cost, generator)
    rows = assign(costs, targets.present)
    objects = objects_of_rows(rows, queries)
    labels = targets.labels.expand(layers, -1, -1)
    classes = classes_of_rows(objects, labels, logits.shape[-1] - 1)
    pairs = matched_pairs(mask_logits, rows, targets)
    num_masks = max(1.0, mean_over_processes(len(pairs.index) / layers, logits.device))
    mask, dice = mask_losses(pairs, num_masks, criterion.sampling, generator)
    shares = criterion.class_shares(pairs, matched_rows(rows, queries), (layers, batch * queries))
    by_class = class_loss(
        logits.flatten(1, 2), classes.flatten(1), criterion.weights.no_object, shares
    )
    return criterion.terms(by_class, mask, dice)


def matched_rows(rows: Tensor, num_rows: int) -> Tensor:
    """Return the matched of `rows (L, B, O)`, numbered through all layers, as `matched_pairs`."""
    layer, frame, item = (rows != UNMATCHED).nonzero(as_tuple=True)
    return (layer * rows.shape[1] + frame) * num_rows + rows[layer, frame, item]


def matched_pairs(mask_logits: Tensor, rows: Tensor, targets: FrameTargets) -> MaskPairs:
    """Collect the masks `(L, B, R, H, W)` of all matched rows `(L, B, O)` with their truth."""
    layer, frame, item = (rows != UNMATCHED).nonzero(as_tuple=True)
    picked = mask_logits[layer, frame, rows[layer, frame, item]]
    num_objects = targets.labels.shape[1]
    return MaskPairs(picked, targets.masks.flatten(0, 1), frame * num_objects + item)
