"""Weighed sums of table rows, quick on a CPU forwards and backwards.

`embedding_bag` computes them at the speed of memory, but its own gradient by table rows is slow.
That gradient is a weighed sum too, of the outputs' gradients by rows: one more `embedding_bag`.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def weighed_bags(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of `weights[i, j] * table[rows[i, j]]` over `j`, `(bags, D)`.

    Args:
        table: `(R, D)` float32.
        rows: `(bags, entries)` int32, 0 to R - 1.
        weights: `(bags, entries)` float32.
    """
    apply = cast("Callable[[Tensor, Tensor, Tensor], Tensor]", _WeighedBags.apply)
    return apply(table, rows, weights)


class _WeighedBags(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(table, rows, weights)
        return F.embedding_bag(rows, table, mode="sum", per_sample_weights=weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        table, rows, weights = ctx.saved_tensors
        wants_table, _, wants_weights = ctx.needs_input_grad
        gradient = gradient.contiguous()
        by_table = _by_table(len(table), rows, weights, gradient) if wants_table else None
        by_weights = _by_weights(table, rows, weights, gradient) if wants_weights else None
        return by_table, None, by_weights


def _by_table(size: int, rows: Tensor, weights: Tensor, gradient: Tensor) -> Tensor:
    """Sum the outputs' gradients `(bags, D)` over the bags that each of `size` rows is in."""
    rows = rows.flatten()  # (bags, entries) -> (bags * entries,)
    order = rows.argsort()
    ends = torch.bincount(rows, minlength=size).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    bags = order // weights.shape[1]
    shares = weights.flatten()[order]  # (bags, entries) -> (bags * entries,)
    return F.embedding_bag(bags, gradient, starts, mode="sum", per_sample_weights=shares)


def _by_weights(table: Tensor, rows: Tensor, weights: Tensor, gradient: Tensor) -> Tensor:
    """Return torch's own gradient by weights; that one is quick."""
    with torch.enable_grad():
        weights = weights.detach().requires_grad_()
        read = F.embedding_bag(rows, table.detach(), mode="sum", per_sample_weights=weights)
        return torch.autograd.grad(read, weights, gradient)[0]
