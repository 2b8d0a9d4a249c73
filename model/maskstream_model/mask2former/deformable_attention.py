"""Multi-scale deformable attention (docs/model.md 2.4) behind one operation.

`sample_and_weigh` has three bodies that compute the same: see `sampling.py`.
"""

import math

import torch
from torch import Tensor, nn

from maskstream_model.mask2former.sampling import Shapes, sample_and_weigh

__all__ = ["DeformableAttention", "cell_centres", "sample_and_weigh"]


class DeformableAttention(nn.Module):
    """Every token looks at a few points around itself on every level."""

    def __init__(self, width: int, heads: int, levels: int = 3, points: int = 4) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)
        self._initialise()

    def forward(self, query: Tensor, tokens: Tensor, centres: Tensor, shapes: Shapes) -> Tensor:
        """Return what every query read, `(B, S, C)`.

        Args:
            query: `(B, S, C)`, tokens with positions.
            tokens: `(B, S', C)`, the cells of all levels, row by row.
            centres: `(S, L, P, 2)`, every query's centre on every level; see `cell_centres`.
            shapes: `(height, width)` of every level.
        """
        each_head = (*query.shape[:2], self.heads, -1)
        samples = (*each_head[:3], self.levels, self.points)
        # (B, S', C) -> (B, S', M, C / M) for M heads
        value = self.value_proj(tokens).view(*tokens.shape[:2], *each_head[2:])
        # (S, 1, L, P, 2) + (B, S, M, L, P, 2)
        locations = centres[:, None] + self.sampling_offsets(query).view(*samples, 2)
        # (B, S, M, L * P), a softmax over all levels and points -> (B, S, M, L, P)
        weights = softmax(self.attention_weights(query).view(each_head)).view(samples)
        read = sample_and_weigh(value, shapes, locations, weights)
        mixed: Tensor = self.output_proj(read.flatten(2))  # (B, S, M, C / M) -> (B, S, C)
        return mixed

    def _initialise(self) -> None:
        """Let each head look in its own direction, its points one step further each."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        ring = torch.stack([angle.cos(), angle.sin()], -1)
        ring = ring / ring.abs().amax(-1, keepdim=True)
        steps = torch.arange(1, self.points + 1)
        # (M, 1, 1, 2) * (1, 1, P, 1) -> (M, 1, P, 2), repeated as (M, L, P, 2)
        bias = ring[:, None, None, :] * steps[None, None, :, None]
        with torch.no_grad():
            bias = bias.expand(self.heads, self.levels, self.points, 2)
            self.sampling_offsets.bias.copy_(bias.reshape(-1))
        nn.init.zeros_(self.sampling_offsets.weight)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for linear in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)


def softmax(logits: Tensor) -> Tensor:
    """Return the softmax over the last axis; on a CPU torch's own is slow when that is short."""
    shares = (logits - logits.amax(-1, keepdim=True).detach()).exp()
    return shares / shares.sum(-1, keepdim=True)


def cell_centres(
    shapes: Shapes, points: int, device: torch.device, levels: Shapes | None = None
) -> Tensor:
    """Return `(S, L, P, 2)` float32: every cell's centre (x, y) in pixels of every level.

    Pixel centres are whole numbers, so that a cell's centre on its own level is its index. All
    `points` are alike; they are written out, since broadcasting along short axes is slow.

    Args:
        shapes: `(height, width)` of the maps whose cells are meant.
        points: how often each centre is repeated.
        device: where the result is wanted.
        levels: `(height, width)` of the maps that are looked at; the same where left out.
    """
    centres = []
    for height, width in shapes:
        y = (torch.arange(height, dtype=torch.float32, device=device) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float32, device=device) + 0.5) / width
        centres.append(torch.cartesian_prod(y, x).flip(-1))
    looked_at = shapes if levels is None else levels
    sizes = torch.tensor([[w, h] for h, w in looked_at], dtype=torch.float32, device=device)
    # (S, 1, 2) * (L, 2) -> (S, L, 2) -> (S, L, P, 2)
    return (torch.cat(centres)[:, None] * sizes - 0.5)[:, :, None].repeat(1, 1, points, 1)
