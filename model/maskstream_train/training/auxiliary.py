"""Dense helper losses that teach mask features early; the heads are dropped after training.

Not in the paper. From scratch, matched losses give the features almost no signal for the first
thousand steps; per-pixel classes and masks from pooled true objects do from the first one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskstream_train.data.packed import KNOWN
from maskstream_train.training.losses import IGNORED, point_bce, point_dice
from maskstream_train.training.targets import FrameTargets

STRIDE = 4


class AuxiliaryHeads(nn.Module):
    """A class per cell, and a mask from the mean feature of a true object."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.classify = nn.Conv2d(width, num_classes + 1, 1)
        self.embed = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, features: Tensor, targets: FrameTargets) -> Tensor:
        """Return the summed helper losses, a scalar.

        Args:
            features: `(B, C, H, W)` mask features at stride 4.
            targets: truth of the same frames at pixels.
        """
        cells = targets.masks[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        features = features.float()
        classes = self._class_map(cells, targets)
        dense = F.cross_entropy(self.classify(features), classes, reduction="sum")
        dense = dense / (classes != IGNORED).sum().clamp(min=1)
        frame, item = (cells.any(-1).any(-1) & targets.present).nonzero(as_tuple=True)
        if frame.numel() == 0:
            return dense
        # (B, O, H, W) -> (B, O, H * W)
        inside = cells.flatten(2).float()
        # (B, O, H * W) @ (B, H * W, C) -> (B, O, C)
        pooled = inside @ features.flatten(2).transpose(1, 2)
        mean = pooled / inside.sum(-1, keepdim=True).clamp(min=1.0)
        # (B, O, C) @ (B, C, H * W) -> (B, O, H * W) -> (M, H * W) of visible objects
        logits = (self.embed(mean) @ features.flatten(2))[frame, item]
        truth = inside[frame, item]
        counted = None
        if targets.doubtful is not None:
            unsure = targets.doubtful[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
            # (B, H, W) -> (B, H * W) -> (M, H * W)
            counted = 1.0 - unsure.flatten(1).float()[frame]
        masks = point_bce(logits, truth, counted) + point_dice(logits, truth, counted)
        return dense + masks / frame.numel()

    def _class_map(self, cells: Tensor, targets: FrameTargets) -> Tensor:
        """Return `(B, H, W)` classes; K where no object is, `IGNORED` where unknown."""
        num_classes = self.classify.out_channels - 1
        labels = targets.labels[..., None, None].expand(cells.shape)
        classes = torch.where(cells, labels, num_classes)
        dense = classes.min(dim=1).values
        if targets.ignored is None:
            return dense
        ignored = targets.ignored[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        return dense.masked_fill((ignored != KNOWN) & (dense == num_classes), IGNORED)
