"""Attention layers, post norm, shared by the mask decoder and the trackers (SPEC.md 2.5, 3.1).

Parameter names are the released ones. Dropout does not exist here: the released models use none.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention with packed projections (rows: query, key, value)."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        projections = nn.Linear(dim, 3 * dim)
        nn.init.xavier_uniform_(projections.weight)
        nn.init.zeros_(projections.bias)
        self.in_proj_weight = projections.weight
        self.in_proj_bias = projections.bias
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, blocked: Tensor | None = None
    ) -> Tensor:
        """Return what each query reads from the values, `(B, N, C)`.

        Args:
            query: `(B, N, C)`.
            key: `(B, M, C)`.
            value: `(B, M, C)`.
            blocked: bool, broadcasts to `(B, heads, N, M)`; True where a query must not look. At
                least one entry of every row must be open.
        """
        weights = self.in_proj_weight.chunk(3)
        biases = self.in_proj_bias.chunk(3)
        heads = [
            F.linear(source, weight, bias).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for source, weight, bias in zip((query, key, value), weights, biases, strict=True)
        ]
        allowed = None if blocked is None else ~blocked
        read = F.scaled_dot_product_attention(*heads, attn_mask=allowed)
        output: Tensor = self.out_proj(read.transpose(1, 2).flatten(2))
        return output


class CrossAttentionLayer(nn.Module):
    """Queries read from a source; add and norm."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.multihead_attn = Attention(dim, num_heads)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        queries: Tensor,
        source: Tensor,
        query_positions: Tensor | None = None,
        source_positions: Tensor | None = None,
        blocked: Tensor | None = None,
    ) -> Tensor:
        """Return new queries `(B, N, C)`; positions are added to query and key, not to value."""
        query = queries if query_positions is None else queries + query_positions
        key = source if source_positions is None else source + source_positions
        output: Tensor = self.norm(queries + self.multihead_attn(query, key, source, blocked))
        return output


class SelfAttentionLayer(nn.Module):
    """Queries read from each other; add and norm."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(dim, num_heads)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, queries: Tensor, positions: Tensor | None = None, blocked: Tensor | None = None
    ) -> Tensor:
        """Return new queries `(B, N, C)`; positions are added to query and key, not to value."""
        placed = queries if positions is None else queries + positions
        output: Tensor = self.norm(queries + self.self_attn(placed, placed, queries, blocked))
        return output


class FeedForwardLayer(nn.Module):
    """Two linear maps with ReLU between; add and norm."""

    def __init__(self, dim: int, ffn_dim: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dim, ffn_dim)
        self.linear2 = nn.Linear(ffn_dim, dim)
        self.norm = nn.LayerNorm(dim)
        for linear in (self.linear1, self.linear2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, queries: Tensor) -> Tensor:
        """Return new queries, same shape."""
        output: Tensor = self.norm(queries + self.linear2(F.relu(self.linear1(queries))))
        return output


class MLP(nn.Module):
    """`num_layers` linear maps with ReLU between them."""

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int, num_layers: int = 3) -> None:
        super().__init__()
        dims = [in_dim, *[hidden_dim] * (num_layers - 1), out_dim]
        pairs = zip(dims[:-1], dims[1:], strict=True)
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairs)

    def forward(self, values: Tensor) -> Tensor:
        """Return `(..., out_dim)` for values `(..., in_dim)`."""
        for index, layer in enumerate(self.layers):
            values = layer(values) if index == 0 else layer(F.relu(values))
        return values
