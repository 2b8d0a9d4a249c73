"""What a clip shows, on the grid of MDQE's masks, with the boxes of its objects."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_train.training.targets import ClipBatch

MASK_STRIDE = 4


@dataclass(frozen=True)
class ClipTruth:
    """The `G` objects of a clip of `T` frames.

    Attributes:
        masks: `(G, T, H, W)` bool, at a quarter of the frames' size.
        labels: `(G,)` int64, class index.
        boxes: `(T, G, 4)` centre and size (x, y, width, height), 0 to 1; zeros where not seen.
        present: `(T, G)` bool.
    """

    masks: Tensor
    labels: Tensor
    boxes: Tensor
    present: Tensor

    def __len__(self) -> int:
        """`G`."""
        return len(self.labels)


def clip_truth(batch: ClipBatch, row: int) -> ClipTruth:
    """Return the truth of one clip of a batch: the objects that have pixels on the coarse grid."""
    # (T, O, h, w) -> (T, O, H, W)
    shares = F.avg_pool2d(batch.masks[row].float(), MASK_STRIDE)
    masks = shares >= 0.5
    present = masks.flatten(2).any(2)
    seen = present.any(0)
    masks, present = masks[:, seen], present[:, seen]
    return ClipTruth(masks.transpose(0, 1), batch.labels[row, seen], boxes_of(masks), present)


def boxes_of(masks: Tensor) -> Tensor:
    """Return the boxes `(..., 4)` of masks `(..., H, W)`: centre and size, 0 to 1."""
    sides = []
    for axis in (-2, -1):  # columns, then rows
        line = masks.any(axis)
        size = line.shape[-1]
        places = torch.arange(size, device=masks.device)
        low = torch.where(line, places, size).amin(-1)
        high = torch.where(line, places + 1, 0).amax(-1)
        sides.append((low / size, high / size))
    (left, right), (top, bottom) = sides
    found = torch.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], -1)
    return found * masks.flatten(-2).any(-1)[..., None]
