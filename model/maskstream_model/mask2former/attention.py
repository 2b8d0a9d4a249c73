"""Attention layers with the released parameter names, shared by segmenter and trackers.

All layers are post-norm and have no dropout (docs/model.md 2.5 and 3.1).
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MultiheadAttention(nn.Module):
    """Multi-head attention; parameters as in `torch.nn.MultiheadAttention`, batch first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, blocked: Tensor | None = None
    ) -> Tensor:
        """Attend from `query (B, Q, C)` to `key` and `value (B, M, C)`.

        Args:
            query: rows that attend.
            key: what queries are compared with.
            value: what is read.
            blocked: bool `(B, Q, M)` or `(B, 1, M)`, True where a query must not attend; a row
                in which everything is blocked gives NaN. None blocks nothing.

        Returns:
            `(B, Q, C)`.
        """
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        q, k, v = (
            self._split(F.linear(x, weight, bias))
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        allowed = None if blocked is None else ~blocked[:, None]  # (B, 1, Q or 1, M)
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        # (B, heads, Q, C / heads) -> (B, Q, heads, C / heads) -> (B, Q, C)
        mixed: Tensor = self.out_proj(read.transpose(1, 2).flatten(2))
        return mixed

    def _split(self, x: Tensor) -> Tensor:
        # (B, Q, C) -> (B, Q, heads, C / heads) -> (B, heads, Q, C / heads)
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class CrossAttentionLayer(nn.Module):
    """Cross attention, added to the state and normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.multihead_attn = MultiheadAttention(width, heads)
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        state: Tensor,
        key: Tensor,
        value: Tensor,
        query_positions: Tensor | None = None,
        blocked: Tensor | None = None,
    ) -> Tensor:
        """Return the new state `(B, Q, C)`.

        Args:
            state: `(B, Q, C)`.
            key: `(B, M, C)`, with its positions already added.
            value: `(B, M, C)`.
            query_positions: added to the query only, broadcast to `(B, Q, C)`.
            blocked: see `MultiheadAttention.forward`.
        """
        query = state if query_positions is None else state + query_positions
        normalised: Tensor = self.norm(state + self.multihead_attn(query, key, value, blocked))
        return normalised


class SelfAttentionLayer(nn.Module):
    """Self attention, added to the state and normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(width, heads)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, state: Tensor, positions: Tensor | None = None, blocked: Tensor | None = None
    ) -> Tensor:
        """Return the new state `(B, Q, C)`; `positions` are added to queries and keys."""
        query = state if positions is None else state + positions
        normalised: Tensor = self.norm(state + self.self_attn(query, query, state, blocked))
        return normalised


class FFNLayer(nn.Module):
    """Two linear layers with a ReLU, added to the state and normalised."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)
        nn.init.xavier_uniform_(self.linear1.weight)
        nn.init.xavier_uniform_(self.linear2.weight)

    def forward(self, state: Tensor) -> Tensor:
        """Return the new state, `(..., C)` as the old one."""
        normalised: Tensor = self.norm(state + self.linear2(F.relu_(self.linear1(state))))
        return normalised


class MLP(nn.Module):
    """Linear layers with a ReLU between them; a subclass may take another activation."""

    activation: Callable[[Tensor], Tensor] = staticmethod(F.relu_)

    def __init__(self, inputs: int, hidden: int, outputs: int, depth: int = 3) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * (depth - 1) + [outputs]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., outputs)`."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        output: Tensor = last(x)
        return output
