"""Mask probabilities at picture size, for panoptic and semantic segmentation.

See docs/model.md 3.6.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.tasks.output import EMPTY_LOGIT, FrameOutput, resize_mask_logits


@dataclass(frozen=True)
class Placement:
    """How the mask grid of a frame lies in the picture; sizes are `(height, width)`.

    Attributes:
        padded: the frame in the network, with padding.
        resized: the same without padding.
        size: the picture wanted.
    """

    padded: Size
    resized: Size
    size: Size

    @classmethod
    def of(cls, output: FrameOutput, size: Size) -> "Placement":
        """Return that of a frame's masks in a picture of `size`."""
        return cls(output.padded, output.resized, size)


def mask_probabilities(mask_logits: Tensor, placement: Placement) -> Tensor:
    """Return mask probabilities `(N, *placement.size)` of mask logits `(N, H, W)`.

    They become probabilities before the last resize, unlike the logits of instances.
    """
    resized, size = placement.resized, placement.size
    probabilities = resize_mask_logits(mask_logits, placement.padded, resized, resized).sigmoid()
    if resized == size or len(mask_logits) == 0:
        return probabilities.reshape(-1, *size)
    # (N, H, W) -> (1, N, H, W) -> (N, *size): masks as channels
    return F.interpolate(probabilities[None], size, mode="bilinear", align_corners=False)[0]


def clip_masks(output: FrameOutput, track_ids: Tensor) -> Tensor:
    """Return mask logits `(N, H, W)` of tracks on a frame, `EMPTY_LOGIT` where one does not live.

    Args:
        output: of the frame.
        track_ids: `(N,)` int64.
    """
    logits = output.mask_logits
    masks = logits.new_full((len(track_ids), *logits.shape[1:]), EMPTY_LOGIT)
    # (N, 1) == (1, M) -> (N, M): which row of the frame is which track
    matches = (track_ids[:, None] == output.track_ids[None]) & output.living
    rows, columns = (index.to(logits.device) for index in matches.nonzero(as_tuple=True))
    masks[rows] = logits[columns]
    return masks


def living_masks(output: FrameOutput) -> tuple[Tensor, Tensor]:
    """Return the rows `(N,)` int64 of a frame's living tracks and their mask logits `(N, H, W)`."""
    rows = output.living.nonzero()[:, 0].to(output.mask_logits.device)
    return rows, output.mask_logits[rows]
