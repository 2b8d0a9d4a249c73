"""Multi-scale deformable attention (docs/model.md 2.4) behind one operation.

`sample_and_weigh` has three bodies that compute the same: see `sampling.py`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.mask2former.geometry import Geometry
from maskstream_model.mask2former.sampling import sample_and_weigh


class DeformableAttention(nn.Module):
    """Every token attends to a few points around itself on every level."""

    def __init__(self, width: int, heads: int, levels: int = 3, points: int = 4) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)
        self._initialise()

    def forward(
        self, query: Tensor, tokens: Tensor, geometry: Geometry, padding: Tensor | None = None
    ) -> Tensor:
        """Return what every query read, `(B, S, C)`.

        Args:
            query: `(B, S, C)`, tokens with positions.
            tokens: `(B, S', C)`, the cells of all levels, row by row.
            geometry: of the queries and the levels.
            padding: `(B, S')` bool, cells that are read as 0; None for none.
        """
        each_head = (*query.shape[:2], self.heads, -1)
        samples = (*each_head[:3], self.levels, self.points)
        # (B, S', C) -> (B, S', M, C / M) for M heads
        value = self.value_proj(tokens)
        if padding is not None:
            value = value.masked_fill(padding[..., None], 0.0)
        value = value.view(*tokens.shape[:2], *each_head[2:])
        # (S, 2, M, L, P) + (B, S, 2, M, L, P) -> (B, S, M, L, P, 2), still in the memory's order
        places = geometry.centres + self.moves(query, geometry)
        locations = places.movedim(2, -1)
        # (B, S, M, L * P), a softmax over all levels and points -> (B, S, M, L, P)
        weights = softmax(self.attention_weights(query).view(each_head)).view(samples)
        read = sample_and_weigh(value, geometry, locations, weights)
        mixed: Tensor = self.output_proj(read.flatten(2))  # (B, S, M, C / M) -> (B, S, C)
        return mixed

    def moves(self, query: Tensor, geometry: Geometry) -> Tensor:
        """Return how far points are from their cells, `(B, S, 2, M, L, P)` in pixels of a level."""
        each = (2, self.heads, self.levels, self.points)
        return self._offsets(query).view(*query.shape[:2], *each)

    def _offsets(self, query: Tensor) -> Tensor:
        """Return `(B, S, 2 * M * L * P)`: all x, then all y; the weights have them in pairs."""
        pairs = self.sampling_offsets
        # (M * L * P * 2, C) -> (M * L * P, 2, C) -> (2, M * L * P, C) -> (2 * M * L * P, C)
        weight = pairs.weight.view(-1, 2, query.shape[-1]).transpose(0, 1).flatten(0, 1)
        return F.linear(query, weight, pairs.bias.view(-1, 2).T.flatten())

    def _initialise(self) -> None:
        """Start each head in its own direction, its points one step further each."""
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
