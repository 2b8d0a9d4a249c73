"""Attention inside windows of frames, rows and columns, plain or shifted (docs/model.md 13.1).

On maps smaller than a window the window shrinks, but rows of the bias table stay those of the first
tokens of a whole window: on a map of 5x6 tokens most offsets are not the geometrical ones. Released
weights have learned with that.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.backbones.windows import BETWEEN_REGIONS

Extent = tuple[int, int, int]
"""Frames, rows, columns."""
AXES = (1, 2, 3)
"""Those of a grid, behind its clips."""


class VideoWindowAttention(nn.Module):
    """Every token of a window attends to all of its window, with a learned bias by distance."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, window: Extent) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        rows = math.prod(2 * side - 1 for side in window)
        self.relative_position_bias_table = nn.Parameter(torch.empty(rows, heads))
        self.register_buffer("relative_position_index", relative_positions(window))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, grid: Tensor, shifted: bool) -> Tensor:
        """Return what every token of `grid (B, T, height, width, C)` read, in the same shape.

        Args:
            grid: of `B` clips, of any size; windows that stick out are filled with zeros, which
                take part.
            shifted: whether windows are moved by half of themselves along every axis that has more
                than one.
        """
        extent = (grid.shape[1], grid.shape[2], grid.shape[3])
        window, shift = fitted(extent, self.window, shifted)
        ends = [-side % step for side, step in zip(extent, window, strict=True)]
        padded = F.pad(grid, (0, 0, 0, ends[2], 0, ends[1], 0, ends[0]))
        if any(shift):
            padded = padded.roll([-by for by in shift], AXES)
        size = (padded.shape[1], padded.shape[2], padded.shape[3])
        read = self._attend(to_windows(padded, window), size, window, shift)
        padded = from_windows(read, window, size)
        if any(shift):
            padded = padded.roll(shift, AXES)
        return padded[:, : extent[0], : extent[1], : extent[2]]

    def _attend(self, windows: Tensor, size: Extent, window: Extent, shift: Extent) -> Tensor:
        """Map `windows (n, S, C)` to what their tokens read, in the same shape."""
        count, tokens, width = windows.shape
        # (n, S, 3 * C) -> (n, S, 3, heads, C / heads) -> (3, n, heads, S, C / heads)
        qkv = self.qkv(windows).view(count, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        pairs = self.relative_position_index[:tokens, :tokens].flatten()
        # (S * S, heads) -> (S, S, heads) -> (1, heads, S, S)
        bias = self.relative_position_bias_table[pairs].view(tokens, tokens, -1).permute(2, 0, 1)
        bias = bias[None].to(qkv.dtype)
        if any(shift):
            read = torch.empty_like(qkv[0])
            clips = count // math.prod(
                side // step for side, step in zip(size, window, strict=True)
            )
            for rows, apart in torn(size, window, shift, clips, windows.device):
                q, k, v = qkv[:, rows]
                read[rows] = F.scaled_dot_product_attention(q, k, v, attn_mask=bias + apart)
        else:
            q, k, v = qkv
            read = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        # (n, heads, S, C / heads) -> (n, S, heads, C / heads) -> (n, S, C)
        mixed: Tensor = self.proj(read.transpose(1, 2).reshape(count, tokens, width))
        return mixed


def fitted(extent: Extent, window: Extent, shifted: bool) -> tuple[Extent, Extent]:
    """Return the window for a grid, and its shift: an axis with one window is not shifted."""
    pairs = [
        (side, 0) if side <= step else (step, step // 2 if shifted else 0)
        for side, step in zip(extent, window, strict=True)
    ]
    (frames, late), (rows, down), (columns, right) = pairs
    return (frames, rows, columns), (late, down, right)


def relative_positions(window: Extent) -> Tensor:
    """Return `(S, S)` int64: the bias table's row for two tokens of a whole window."""
    place = torch.cartesian_prod(*(torch.arange(side) for side in window))
    span = torch.tensor([2 * side - 1 for side in window])
    apart = place[:, None] - place + torch.tensor(window) - 1  # (S, 1, 3) - (S, 3) -> (S, S, 3)
    frames, rows, columns = apart.unbind(-1)
    return (frames * span[1] + rows) * span[2] + columns


def torn(
    size: Extent, window: Extent, shift: Extent, clips: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield windows of clips by what the shift has put in: `(k,)` rows and `(S, S)` biases.

    Only windows at the end of an axis have parts that were no neighbours before: all others share
    one bias of zeros. A bias for each window would take more memory than the network.
    """
    labels = torch.zeros(1, device=device, dtype=torch.long)
    last = torch.zeros(1, device=device, dtype=torch.long)
    for length, step, by in zip(size, window, shift, strict=True):
        place = torch.arange(length, device=device)
        part = (place >= length - step).long() + (place >= length - by).long() * (by > 0)
        labels = 3 * labels[..., None] + part
        count = length // step
        last = 2 * last[..., None] + (torch.arange(count, device=device) == count - 1) * (by > 0)
    windows = to_windows(labels[..., None], window)[..., 0]  # (n, S)
    kinds = last.flatten().repeat(clips)
    for kind in sorted(set(kinds.tolist())):
        rows = (kinds == kind).nonzero()[:, 0]
        example = windows[rows[0]]
        yield rows, (example[:, None] != example).float() * BETWEEN_REGIONS


def to_windows(grid: Tensor, window: Extent) -> Tensor:
    """Cut `(B, T, height, width, C)`, sides multiples of `window`, into `(B * n, S, C)`."""
    counts = [side // step for side, step in zip(grid.shape[1:4], window, strict=True)]
    sides = [side for pair in zip(counts, window, strict=True) for side in pair]
    # (B, T, H, W, C) -> (B, t, frames, h, rows, w, columns, C)
    #                 -> (B, t, h, w, frames, rows, columns, C)
    parts = grid.reshape(len(grid), *sides, -1).permute(0, 1, 3, 5, 2, 4, 6, 7)
    return parts.reshape(len(grid) * math.prod(counts), math.prod(window), -1)


def from_windows(windows: Tensor, window: Extent, size: Extent) -> Tensor:
    """Put `(B * n, S, C)` back together as `(B, *size, C)`."""
    counts = [side // step for side, step in zip(size, window, strict=True)]
    # (B * n, S, C) -> (B, t, h, w, frames, rows, columns, C)
    #               -> (B, t, frames, h, rows, w, columns, C)
    parts = windows.view(-1, *counts, *window, windows.shape[-1]).permute(0, 1, 4, 2, 5, 3, 6, 7)
    return parts.reshape(len(parts), *size, -1)
