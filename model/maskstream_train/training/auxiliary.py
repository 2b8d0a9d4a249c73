"""Dense helper losses that teach mask features early; the heads are dropped after training.

Not in the paper. From scratch, matched losses give the features almost no signal for the first
thousand steps; per-pixel classes and masks from pooled true objects do from the first one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskstream_train.training.losses import point_bce, point_dice
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
        dense = F.cross_entropy(self.classify(features), self._class_map(cells, targets))
        frame, item = (cells.any(-1).any(-1) & targets.present).nonzero(as_tuple=True)
        if frame.numel() == 0:
            return dense
        inside = cells.flatten(2).float()
        pooled = inside @ features.flatten(2).transpose(1, 2)
        mean = pooled / inside.sum(-1, keepdim=True).clamp(min=1.0)
        logits = (self.embed(mean) @ features.flatten(2))[frame, item]
        truth = inside[frame, item]
        return dense + (point_bce(logits, truth) + point_dice(logits, truth)) / frame.numel()

    def _class_map(self, cells: Tensor, targets: FrameTargets) -> Tensor:
        """Return `(B, H, W)` classes; K where no object is."""
        num_classes = self.classify.out_channels - 1
        labels = targets.labels[..., None, None].expand(cells.shape)
        classes = torch.where(cells, labels, num_classes)
        return classes.min(dim=1).values
