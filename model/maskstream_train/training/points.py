"""Points at which masks are compared instead of every pixel.

See Mask2Former section 3.3; docs/model.md 6.1.

Coordinates are `(x, y)` in 0..1 over the padded frame, so that one point means the same place on
the stride-4 logits and on the full-resolution target.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class PointSampling:
    """How many points a mask loss looks at: `oversample * count` drawn, the unsure ones kept."""

    count: int = 512
    oversample: int = 3
    uncertain_share: float = 0.75


def random_points(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return uniform points `(*shape, 2)` on the generator's device."""
    return torch.rand(*shape, 2, generator=generator, device=generator.device)


def sample_logits(mask_logits: Tensor, points: Tensor) -> Tensor:
    """Read mask logits at points, bilinear, zeros outside.

    Args:
        mask_logits: `(M, R, H, W)`, any float type.
        points: `(M, P, 2)` in 0..1.

    Returns:
        `(M, R, P)` float32.
    """
    grid = (2.0 * points - 1.0).unsqueeze(1).float()
    return F.grid_sample(mask_logits.float(), grid, align_corners=False).squeeze(2)


def sample_targets(masks: Tensor, index: Tensor, points: Tensor) -> Tensor:
    """Read boolean masks at points: the pixel that a point falls into.

    Differs from reference: the nearest pixel of the full-resolution mask instead of a bilinear
    mix; it needs no float copy of the masks.

    Args:
        masks: `(X, height, width)` bool.
        index: `(M,)` int64, which of the `X` masks row `m` reads.
        points: `(M, P, 2)` in 0..1.

    Returns:
        `(M, P)` float32, 0 or 1.
    """
    height, width = masks.shape[-2:]
    x = (points[..., 0] * width).long().clamp_(0, width - 1)
    y = (points[..., 1] * height).long().clamp_(0, height - 1)
    # (X, height, width) -> (X, height * width) -> (M, P)
    return masks.flatten(1)[index.unsqueeze(1), y * width + x].float()


@torch.no_grad()
def uncertain_points(
    mask_logits: Tensor, sampling: PointSampling, generator: torch.Generator
) -> Tensor:
    """Return points `(M, P, 2)` for `(M, H, W)` logits, most of them where the logit is near 0."""
    num_masks = mask_logits.shape[0]
    drawn = random_points((num_masks, sampling.count * sampling.oversample), generator)
    unsure = sample_logits(mask_logits.unsqueeze(1), drawn).squeeze(1).abs()
    num_unsure = int(sampling.uncertain_share * sampling.count)
    best = unsure.topk(num_unsure, dim=1, largest=False, sorted=False).indices
    kept = drawn.gather(1, best.unsqueeze(-1).expand(-1, -1, 2))
    rest = random_points((num_masks, sampling.count - num_unsure), generator)
    return torch.cat([kept, rest], dim=1)
