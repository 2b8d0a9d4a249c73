"""Losses of masks and classes (docs/model.md 6.1: weights 2, 5 and 5, no-object weighted down)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_train.training.points import (
    PointSampling,
    sample_logits,
    sample_targets,
    uncertain_points,
)

IGNORED = -100


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms; `no_object` is the class weight of "no object"."""

    classes: float = 2.0
    mask: float = 5.0
    dice: float = 5.0
    no_object: float = 0.1


@dataclass(frozen=True)
class MaskPairs:
    """Predicted masks and the truth each of them belongs to.

    Attributes:
        mask_logits: `(M, H, W)` matched predictions, of all layers and frames one after another.
        masks: `(X, h, w)` bool, true masks.
        index: `(M,)` int64, the true mask of each prediction.
        doubtful: `(F, h, w)` bool, places of the `F` frames without a mask loss; `masks` holds
            equally many of each frame, in order. None where there are none.
        certainties: `(X,)` 0 to 1, of the masks' labels; None: certain.
    """

    mask_logits: Tensor
    masks: Tensor
    index: Tensor
    doubtful: Tensor | None = None
    certainties: Tensor | None = None

    @property
    def frames(self) -> Tensor:
        """`(M,)` int64, the frame of each prediction, where some places are doubtful."""
        count = 1 if self.doubtful is None else len(self.doubtful)
        return self.index // (len(self.masks) // count)


def class_loss(
    logits: Tensor,
    classes: Tensor,
    no_object_weight: float | Tensor,
    shares: Tensor | None = None,
) -> Tensor:
    """Cross entropy as a weighted mean over rows, summed over layers.

    Args:
        logits: `(L, R, K + 1)`.
        classes: `(L, R)` int64 in 0..K, where K is "no object"; `IGNORED` rows count nowhere.
        no_object_weight: weight of class K, one for all or `(R,)`; the others have 1.
        shares: `(L, R)` 0 to 1, how much of its class a row is to show; the rest is "no object".
            None for all of it.
    """
    num_classes = logits.shape[-1] - 1
    surprise = -logits.float().log_softmax(-1)
    losses = surprise.gather(-1, classes.clamp(min=0)[..., None])[..., 0]
    if shares is not None:
        losses = shares * losses + (1 - shares) * surprise[..., num_classes]
    weights = torch.where(classes == num_classes, no_object_weight, 1.0) * (classes != IGNORED)
    return ((losses * weights).sum(1) / weights.sum(1).clamp(min=1e-6)).sum()


@torch.no_grad()
def mask_ious(pairs: MaskPairs) -> Tensor:
    """Return the IoU `(M,)` of every predicted mask with its truth, at the prediction's size."""
    height, width = pairs.mask_logits.shape[-2:]
    truth = F.adaptive_avg_pool2d(pairs.masks[:, None].float(), (height, width))[:, 0] >= 0.5
    drawn, wanted = pairs.mask_logits > 0, truth[pairs.index]
    if pairs.doubtful is not None:
        unsure = F.adaptive_max_pool2d(pairs.doubtful[:, None].float(), (height, width))[:, 0] > 0
        drawn = drawn & (wanted | ~unsure[pairs.frames])
    return (drawn & wanted).sum((1, 2)) / (drawn | wanted).sum((1, 2)).clamp(min=1)


def mask_losses(
    pairs: MaskPairs, num_masks: float, sampling: PointSampling, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return binary cross entropy and dice loss on points, each summed and over `num_masks`.

    Points are drawn where predictions are unsure; no gradient flows through their choice.
    """
    if pairs.index.numel() == 0:
        nothing = pairs.mask_logits.sum() * 0.0
        return nothing, nothing
    points = uncertain_points(pairs.mask_logits, sampling, generator)
    drawn = sample_logits(pairs.mask_logits.unsqueeze(1), points).squeeze(1)
    truth = sample_targets(pairs.masks, pairs.index, points)
    counted = None
    if pairs.doubtful is not None:
        counted = 1.0 - sample_targets(pairs.doubtful, pairs.frames, points)
    bce, dice = point_bce(drawn, truth, counted), point_dice(drawn, truth, counted)
    return bce / num_masks, dice / num_masks


def point_bce(logits: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
    """Binary cross entropy of `(M, P)` logits: mean over points, sum over masks.

    `counted (M, P)` is 1 for points that count, 0 for others; None: all count.
    """
    losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if counted is None:
        return losses.mean(1).sum()
    return ((losses * counted).sum(1) / counted.sum(1).clamp(min=1.0)).sum()


def point_dice(logits: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
    """Dice loss `1 - (2 |A B| + 1) / (|A| + |B| + 1)` of `(M, P)` logits, summed over masks.

    See `point_bce` for `counted`.
    """
    inside = logits.sigmoid()
    if counted is not None:
        inside, truth = inside * counted, truth * counted
    overlap = 2.0 * (inside * truth).sum(1) + 1.0
    return (1.0 - overlap / (inside.sum(1) + truth.sum(1) + 1.0)).sum()
