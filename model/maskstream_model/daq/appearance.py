"""Appearance: mask features pooled per object, and their momentum.

See Eq. 3-5, docs/model.md 3.1, 3.4.

Pooling is discontinuous: a pixel whose logit is about 0 may fall on either side.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def pool(mask_logits: Tensor, mask_features: Tensor) -> Tensor:
    """Return the mean feature inside each mask (Eq. 3), `(B, M, C)`; an empty mask gives zeros.

    Args:
        mask_logits: `(B, M, H, W)`; inside is above 0. No gradient passes through the masks.
        mask_features: `(B, C, H, W)`, as the segmenter made them, not projected.
    """
    # Differs from reference: it multiplies every mask with every channel and pixel before the sum;
    # the product of two matrices gives the same numbers without that memory.
    inside = (mask_logits > 0).to(mask_features.dtype).flatten(2)  # (B, M, H * W)
    # (B, M, H * W) @ (B, H * W, C) -> (B, M, C)
    sums = inside @ mask_features.flatten(2).transpose(1, 2)
    return sums / (inside.sum(-1, keepdim=True) + 1e-8)


def similarity(appearances: Tensor, history: Tensor, counts: Tensor) -> Tensor:
    """Return the momentum beta in 0..1 of each row (Eq. 4), `(N,)`; 0 where there is no history.

    Args:
        appearances: `(N, C)`, of the present frame.
        history: `(N, W, C)` ring of earlier visible appearances.
        counts: `(N,)` int64, appearances ever put into the ring.
    """
    window = history.shape[1]
    # (N, C) and (N, W, C) -> (N, W)
    cosines = torch.einsum(
        "nc,nwc->nw", F.normalize(appearances, dim=-1), F.normalize(history, dim=-1)
    )
    # (W,) < (N, 1) -> (N, W)
    filled = torch.arange(window, device=counts.device) < counts[:, None]
    mean = torch.where(filled, cosines, 0.0).sum(-1) / counts.clamp(1, window)
    return mean.clamp(min=0)


def update_momentum(
    positions: Tensor, history: Tensor, counts: Tensor, appearances: Tensor
) -> tuple[Tensor, Tensor]:
    """Return momentum positions `(N, C)` and history `(N, W, C)` after a visible frame (Eq. 5).

    Differs from reference: a ring of the `W` that it looks at, in place of a list that grows.

    Args:
        positions: `(N, C)` momentum appearances so far; ignored where `counts` is 0.
        history: `(N, W, C)` ring; a new appearance takes slot `counts % W`.
        counts: `(N,)` int64, appearances ever put into the ring (before this one).
        appearances: `(N, C)`, of the present frame.
    """
    beta = similarity(appearances, history, counts)[:, None]  # (N,) -> (N, 1)
    moved = (1 - beta) * positions + beta * appearances
    positions = torch.where(counts[:, None] == 0, appearances, moved)
    slots = torch.arange(history.shape[1], device=counts.device)
    written = slots == (counts % history.shape[1])[:, None]  # (W,) == (N, 1) -> (N, W)
    # (N, W, 1), (N, 1, C), (N, W, C) -> (N, W, C)
    return positions, torch.where(written[..., None], appearances[:, None], history)
