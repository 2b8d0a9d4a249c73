"""Attention inside square windows of a map, plain or shifted (docs/model.md 2.2)."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BETWEEN_REGIONS = -100.0
"""Added to the logit of two tokens that only the cyclic shift has put into one window."""


class ShiftedWindows(nn.Module, ABC):
    """Attention inside windows but for its projections; a subclass brings them, as `proj` too.

    Attributes:
        heads: attention heads.
        window: cells along a window's side.
    """

    proj: nn.Linear

    def __init__(self, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window

    @abstractmethod
    def project(self, windows: Tensor) -> Tensor:
        """Return queries, keys and values `(B, n, S, 3 * C)` of `windows (B, n, S, C)`."""

    @abstractmethod
    def read(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """Attend; all are `(B, n * heads, S, C / heads)`, `bias (1, n * heads, S, S)`."""

    @abstractmethod
    def bias(self) -> Tensor:
        """Return the bias of every pair of tokens, `(1, heads, S, S)`."""

    def forward(self, grid: Tensor, shift: int) -> Tensor:
        """Return what every token of `grid (B, height, width, C)` read, in the same shape.

        Args:
            grid: any size; windows that stick out are filled with zeros, which take part.
            shift: cells by which the windows are shifted down and to the right; 0 for none.
        """
        height, width = grid.shape[1:3]
        padded = F.pad(grid, (0, 0, 0, -width % self.window, 0, -height % self.window))
        if shift:
            padded = padded.roll((-shift, -shift), (1, 2))
        size = (padded.shape[1], padded.shape[2])
        read = self._attend(to_windows(padded, self.window), size, shift)
        padded = from_windows(read, self.window, size)
        if shift:
            padded = padded.roll((shift, shift), (1, 2))
        return padded[:, :height, :width]

    def _attend(self, windows: Tensor, size: tuple[int, int], shift: int) -> Tensor:
        """Map `windows (B, n, S, C)` to what their tokens read, in the same shape."""
        batch, count, tokens, width = windows.shape
        # (B, n, S, 3 * C) -> (B, n, S, 3, heads, C / heads)
        qkv = self.project(windows).view(batch, count, tokens, 3, self.heads, -1)
        # Windows and heads share an axis, so that one bias serves the whole batch:
        # -> (3, B, n, heads, S, C / heads) -> (3, B, n * heads, S, C / heads)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5).flatten(2, 3)
        bias = self.bias()
        if shift:
            # (1, heads, S, S) + (n, 1, S, S)
            bias = bias + region_bias(size, self.window, shift, windows.device)[:, None]
        # (1 or n, heads, S, S) -> (n * heads, S, S)
        bias = bias.expand(count, -1, -1, -1).flatten(0, 1).to(q.dtype)
        read = self.read(q, k, v, bias[None])
        # (B, n * heads, S, C / heads) -> (B, n, S, heads, C / heads)
        read = read.view(batch, count, self.heads, tokens, -1).transpose(2, 3)
        # (B, n, S, heads, C / heads) -> (B, n, S, C)
        mixed: Tensor = self.proj(read.reshape(batch, count, tokens, width))
        return mixed


class WindowAttention(ShiftedWindows):
    """Every token of a window attends to all of its window, with a learned bias by distance."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__(heads, window)
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", relative_positions(window))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def project(self, windows: Tensor) -> Tensor:
        """See `ShiftedWindows`."""
        projected: Tensor = self.qkv(windows)
        return projected

    def read(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """See `ShiftedWindows`."""
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)

    def bias(self) -> Tensor:
        """Return the bias of every pair of tokens, `(1, heads, S, S)`."""
        tokens = self.window**2
        pairs = self.relative_position_bias_table[self.relative_position_index.flatten()]
        # (S * S, heads) -> (1, S, S, heads) -> (1, heads, S, S)
        return pairs.view(1, tokens, tokens, -1).permute(0, 3, 1, 2)


def relative_positions(window: int) -> Tensor:
    """Return `(S, S)` int64, `S = window^2`: the bias table's row for two tokens of a window."""
    place = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    # (S, 1, 2) - (S, 2) -> (S, S, 2)
    rows, columns = (place[:, None] - place + window - 1).unbind(-1)
    return rows * (2 * window - 1) + columns


def region_bias(size: tuple[int, int], window: int, shift: int, device: torch.device) -> Tensor:
    """Return `(n, S, S)` float32: 0 for tokens that were neighbours before the shift, else -100.

    Args:
        size: `(height, width)` of the padded grid, multiples of `window`.
        window: cells of a window's side.
        shift: cells by which the grid was rolled.
        device: where the result is wanted.
    """
    rows, columns = (_regions(length, window, shift, device) for length in size)
    # (height, 1) + (width,) -> (1, height, width, 1)
    grid = (3 * rows[:, None] + columns)[None, :, :, None]
    labels = to_windows(grid, window)[0, :, :, 0]  # (n, S)
    apart = labels[:, :, None] != labels[:, None, :]  # (n, S, S)
    return apart.float() * BETWEEN_REGIONS


def _regions(length: int, window: int, shift: int, device: torch.device) -> Tensor:
    """Number the stretches along one side: whole windows, and the two parts of the torn one."""
    place = torch.arange(length, device=device)
    return (place >= length - window).long() + (place >= length - shift).long()


def to_windows(grid: Tensor, window: int) -> Tensor:
    """Cut `(B, height, width, C)`, sides multiples of `window`, into `(B, n, window^2, C)`."""
    batch, height, width, channels = grid.shape
    # (B, rows, window, columns, window, C) -> (B, rows, columns, window, window, C)
    parts = grid.reshape(batch, height // window, window, width // window, window, channels)
    return parts.transpose(2, 3).reshape(batch, -1, window**2, channels)


def from_windows(windows: Tensor, window: int, size: tuple[int, int]) -> Tensor:
    """Put `(B, n, window^2, C)` back together as `(B, height, width, C)` of `size`."""
    (batch, _, _, channels), (height, width) = windows.shape, size
    # (B, rows, columns, window, window, C) -> (B, rows, window, columns, window, C)
    parts = windows.view(batch, height // window, width // window, window, window, channels)
    return parts.transpose(2, 3).reshape(batch, height, width, channels)
