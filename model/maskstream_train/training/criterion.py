"""The set-prediction loss of one frame batch under deep supervision (Mask2Former section 3)."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_train.data.packed import KNOWN
from maskstream_train.training.distribution import mean_over_processes
from maskstream_train.training.losses import (
    IGNORED,
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
class ClassedRows:
    """Rows of `L` layers and their target classes; see `class_loss`.

    Attributes:
        logits: `(L, R, K + 1)`.
        classes: `(L, R)` int64.
        no_object: class weight of "no object", one for all or `(R,)`.
    """

    logits: Tensor
    classes: Tensor
    no_object: float | Tensor


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

    def losses(
        self,
        rows: ClassedRows,
        pairs: MaskPairs,
        shown: Tensor | None,
        num_masks: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return the weighted losses of classes and masks, summed over layers.

        Args:
            rows: all rows, for the class loss.
            pairs: masks of the `M` rows with an object.
            shown: `(M,)` int64, which of the `L * R` rows they are; None: hard class targets.
            num_masks: what mask losses are divided by.
            generator: of the random points.
        """
        shares = self._class_shares(pairs, shown, rows.classes.shape)
        mask, dice = mask_losses(pairs, num_masks, self.sampling, generator)
        by_class = class_loss(rows.logits, rows.classes, rows.no_object, shares)
        return {
            "class": self.weights.classes * by_class,
            "mask": self.weights.mask * mask,
            "dice": self.weights.dice * dice,
        }

    def _class_shares(
        self, pairs: MaskPairs, shown: Tensor | None, shape: torch.Size
    ) -> Tensor | None:
        """Return the target probability of each row's class, `(L, R)` 0 to 1; None for 1."""
        if shown is None or not self.soft_classes:
            return None
        shares = torch.ones(shape, device=shown.device)
        found = mask_ious(pairs)
        if pairs.certainties is not None:
            found = found * pairs.certainties[pairs.index]
        shares.view(-1)[shown] = found
        return shares


def in_layers(rows: Tensor, layers: int, num_rows: int) -> Tensor:
    """Return `rows (M,)` of each of `L` layers of `R` rows, numbered through, `(L * M,)`."""
    starts = num_rows * torch.arange(layers, device=rows.device)
    # (L, 1) + (M,) -> (L, M) -> (L * M,)
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
        generator: of the random points.
    """
    layers, _, queries = logits.shape[:3]
    costs = match_costs(logits, mask_logits, targets, criterion.cost, generator)
    rows = assign(costs, targets.present)
    objects = objects_of_rows(rows, queries)
    labels = targets.labels.expand(layers, -1, -1)
    classes = classes_of_rows(objects, labels, logits.shape[-1] - 1)
    classes = leave_out_unknown(classes, mask_logits, targets, logits.shape[-1] - 1)
    pairs = matched_pairs(mask_logits, rows, targets)
    num_masks = max(1.0, mean_over_processes(len(pairs.index) / layers, logits.device))
    # (L, B, Q, K + 1) -> (L, B * Q, K + 1), (L, B, Q) -> (L, B * Q)
    classed = ClassedRows(logits.flatten(1, 2), classes.flatten(1), criterion.weights.no_object)
    return criterion.losses(classed, pairs, matched_rows(rows, queries), num_masks, generator)


@torch.no_grad()
def leave_out_unknown(
    classes: Tensor, mask_logits: Tensor, targets: FrameTargets, no_object: int
) -> Tensor:
    """Return `classes (L, B, R)` with `IGNORED` for rows of no object in unknown places.

    Such a row has half of its mask `(L, B, R, H, W)` or more in places that are unknown or
    doubtful.
    """
    if targets.ignored is None:
        return classes
    size = mask_logits.shape[-2], mask_logits.shape[-1]
    unknown = F.adaptive_avg_pool2d((targets.ignored != KNOWN)[:, None].float(), size)[:, 0] >= 0.5
    drawn = mask_logits > 0
    outside = (drawn & unknown[None, :, None]).sum((-2, -1))
    left_out = (classes == no_object) & drawn.any(-1).any(-1)
    left_out &= 2 * outside >= drawn.sum((-2, -1))
    return classes.masked_fill(left_out, IGNORED)


def matched_rows(rows: Tensor, num_rows: int) -> Tensor:
    """Return the matched of `rows (L, B, O)`, numbered through all layers, as `matched_pairs`."""
    layer, frame, item = (rows != UNMATCHED).nonzero(as_tuple=True)
    return (layer * rows.shape[1] + frame) * num_rows + rows[layer, frame, item]


def matched_pairs(mask_logits: Tensor, rows: Tensor, targets: FrameTargets) -> MaskPairs:
    """Collect the masks `(L, B, R, H, W)` of all matched rows `(L, B, O)` with their truth."""
    layer, frame, item = (rows != UNMATCHED).nonzero(as_tuple=True)
    picked = mask_logits[layer, frame, rows[layer, frame, item]]
    # (B, O, h, w) -> (B * O, h, w), of which the index picks by frame and object
    num_objects = targets.labels.shape[1]
    return MaskPairs(
        picked,
        targets.masks.flatten(0, 1),
        frame * num_objects + item,
        targets.doubtful,
        None if targets.certainties is None else targets.certainties.flatten(),
    )
