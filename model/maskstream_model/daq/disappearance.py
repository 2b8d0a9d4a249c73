"""Tracker 2: disappearance anchors that compete for what they read (docs/model.md 3.3, step 3)."""

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from maskstream_model.mask2former.attention import MultiheadAttention


def match_queries(rows: Tensor, query_features: Tensor, valid: Tensor | None = None) -> Tensor:
    """Choose the segmenter's initial query that starts each row, by cosine distance.

    Every row gets its nearest query; then an optimal assignment gives as many rows as it can a
    query of their own.

    Args:
        rows: `(B, R, C)` tracked queries and background embeddings.
        query_features: `(Q, C)` learned initial queries of the segmenter.
        valid: `(B, R)` bool, rows that are no padding; None where all are real.

    Returns:
        Indices into `query_features`, `(B, R)` int64, without gradient.
    """
    rows, query_features = rows.detach(), query_features.detach()
    rows = rows / (rows.norm(dim=-1, keepdim=True) + 1e-6)
    query_features = query_features / (query_features.norm(dim=-1, keepdim=True) + 1e-6)
    # (B, R, C) @ (C, Q) -> (B, R, Q)
    costs = (1 - rows @ query_features.transpose(0, 1)).float().cpu()
    chosen = costs.argmin(-1)
    real = torch.ones(chosen.shape, dtype=torch.bool) if valid is None else valid.cpu()
    for cost, choice, keep in zip(costs, chosen, real, strict=True):
        indices = keep.nonzero()[:, 0]
        assigned, columns = linear_sum_assignment(cost[indices].numpy())
        choice[indices[torch.from_numpy(assigned)]] = torch.from_numpy(columns)
    return chosen.to(rows.device)


class SlotCompetition(nn.Module):
    """Rows compete for each other's read-outs: a softmax over the rows that receive."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm_inputs = nn.LayerNorm(dim)
        self.project_q = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim, bias=False))
        self.project_k = nn.Linear(dim, dim, bias=False)

    def forward(self, queries: Tensor, read: Tensor, slots: Tensor, valid: Tensor | None) -> Tensor:
        """Return what each row wins, `(B, R, C)`.

        Args:
            queries: `(B, R, C)` present state of the rows.
            read: `(B, R, C)` what each row read from the frame.
            slots: `(B, R, C)` momentum appearance of each row.
            valid: `(B, R)` bool, rows that are no padding; None where all are real.
        """
        keys = self.project_k(self.norm_inputs(queries + read))
        # (B, R, C) @ (B, C, R) -> (B, giver, receiver)
        logits = keys @ self.project_q(slots).transpose(1, 2) / keys.shape[-1] ** 0.5
        if valid is not None:
            logits = logits.masked_fill(~valid[:, None, :], float("-inf"))  # receivers
        shares = logits.softmax(-1) + 1e-6
        if valid is not None:
            shares = shares * valid[:, :, None]  # givers
        shares = shares / shares.sum(1, keepdim=True)
        # (B, receiver, giver) @ (B, giver, C) -> (B, receiver, C)
        won: Tensor = shares.transpose(1, 2) @ read
        return won


class SlotCrossAttentionLayer(nn.Module):
    """Cross attention to the frame's queries, then competition; add and norm."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.multihead_attn = MultiheadAttention(dim, num_heads)
        self.slot_attn = SlotCompetition(dim)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        queries: Tensor,
        source: Tensor,
        positions: tuple[Tensor, Tensor],
        blocked: Tensor | None,
        valid: Tensor | None,
    ) -> Tensor:
        """Return new rows `(B, R, C)`.

        Args:
            queries: `(B, R, C)`.
            source: `(B, Q, C)` embeddings of the frame; they carry no positions.
            positions: `(B, R, C)` twice: added to the query of the attention; slots.
            blocked: `(B, Q)` bool, embeddings that must not be read; None for none.
            valid: `(B, R)` bool, rows that are no padding; None where all are real.
        """
        query_positions, slots = positions
        hidden = None if blocked is None else blocked[:, None]  # (B, Q) -> (B, 1, Q)
        read = self.multihead_attn(queries + query_positions, source, source, hidden)
        output: Tensor = self.norm(queries + self.slot_attn(queries, read, slots, valid))
        return output


def open_if_all_blocked(blocked: Tensor | None) -> Tensor | None:
    """Return `blocked` `(B, Q)` with rows opened in which nothing could be read."""
    return None if blocked is None else blocked & ~blocked.all(-1, keepdim=True)


def foreground_scores(logits: Tensor, soft_classes: bool = False) -> Tensor:
    """Return how surely queries show an object, `(...)` from 0 to 1, for logits `(..., K + 1)`.

    That is their best class probability; with `soft_classes` the sum of them (`TrackerConfig`).
    """
    probabilities = F.softmax(logits.float(), dim=-1)[..., :-1]
    return probabilities.sum(-1) if soft_classes else probabilities.amax(-1)
