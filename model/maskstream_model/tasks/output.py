"""What a model of tracks says of a frame: class logits, and mask logits at a quarter of its size.

A value below the port: families whose masks are such grids turn it into results (`results.py`).
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.port import TrackStatus

EMPTY_LOGIT = -1e4
"""Mask logit where a track has no mask, a probability of 0; as in the reference.

See docs/model.md 3.6.
"""


@dataclass(frozen=True)
class FrameOutput:
    """Tracks of one frame; row order means nothing, `track_ids` do.

    Integers of tracks (ids, status, ages) are on the CPU, everything else on the model's device.

    Attributes:
        track_ids: `(N,)` int64, from 1, never used twice in a session.
        status: `(N,)` int64, values of `TrackStatus`. A disappeared track is listed once, its
            rows of `logits` and `mask_logits` are zeros.
        logits: `(N, K + 1)` float32, this frame's class logits.
        mean_logits: `(N, K + 1)` float32, mean of a track's class logits so far (docs/model.md
        3.6). mask_logits: `(N, H, W)` float32 at stride 4 of the padded frame.
        scores: `(N,)` float32 in 0..1: best class probability of the softmax of `mean_logits`.
        labels: `(N,)` int64, the class of that score.
        ages: `(N,)` int64, frames since birth, 1 on the frame of birth.
        resized: `(height, width)` of the frame as the network saw it, without padding.
        padded: `(height, width)` with padding.
        num_refused: newcomers that `max_tracks` kept out on this frame.
    """

    track_ids: Tensor
    status: Tensor
    logits: Tensor
    mean_logits: Tensor
    mask_logits: Tensor
    scores: Tensor
    labels: Tensor
    ages: Tensor
    resized: Size
    padded: Size
    num_refused: int = 0

    @property
    def living(self) -> Tensor:
        """`(N,)` bool on the CPU: tracks that have not disappeared."""
        return self.status != int(TrackStatus.DISAPPEARED)

    def resized_logits(self, height: int, width: int) -> Tensor:
        """Return mask logits `(N, height, width)` float32 of the upright picture."""
        return resize_mask_logits(self.mask_logits, self.padded, self.resized, (height, width))

    def masks(self, height: int, width: int) -> Tensor:
        """Return masks `(N, height, width)` bool: the pixels whose resized logit is above 0."""
        return self.resized_logits(height, width) > 0


def resize_mask_logits(mask_logits: Tensor, padded: Size, resized: Size, size: Size) -> Tensor:
    """Return mask logits `(N, *size)` of the upright picture.

    Bilinear from stride 4 to the padded frame, without the padding, then bilinear to `size`.

    Args:
        mask_logits: `(N, H, W)` at stride 4 of the padded frame.
        padded: `(height, width)` of the frame in the network, with padding.
        resized: the same without padding (at the right and the bottom).
        size: `(height, width)` wanted.
    """
    if len(mask_logits) == 0:
        return mask_logits.new_zeros(0, *size)
    logits = _interpolate(mask_logits, padded)[:, : resized[0], : resized[1]]
    # A resize to the same size changes no bit of the numbers, only costs time.
    return logits if resized == size else _interpolate(logits, size)


def _interpolate(mask_logits: Tensor, size: Size) -> Tensor:
    # (N, H, W) -> (1, N, H, W) -> (N, *size): masks as channels
    return F.interpolate(mask_logits[None], size, mode="bilinear", align_corners=False)[0]
