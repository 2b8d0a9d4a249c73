"""Sine positions of the cells of a feature map (docs/model.md 2.4)."""

import math

import torch
from torch import Tensor

TEMPERATURE = 10000.0


def sine_positions(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Return positions `(channels, height, width)` float32: the y part, then the x part.

    Row and column parts depend on one coordinate each, so that only `height + width` vectors of
    sines are computed.
    """
    half = channels // 2
    rows = _axis(height, half, device)
    columns = _axis(width, channels - half, device)
    return torch.cat(
        [
            # (height, half) -> (half, height, 1) -> (half, height, width)
            rows.T[:, :, None].expand(half, height, width),
            # (width, rest) -> (rest, 1, width) -> (rest, height, width)
            columns.T[:, None, :].expand(channels - half, height, width),
        ]
    )


def cell_positions(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Return the same positions as `(height * width, channels)`, row by row."""
    # (C, h, w) -> (C, h * w) -> (h * w, C)
    return sine_positions(height, width, channels, device).flatten(1).T.contiguous()


def _axis(size: int, features: int, device: torch.device) -> Tensor:
    """Return `(size, features)`: the sines of 1..size as an angle."""
    return sines(torch.arange(1, size + 1, dtype=torch.float32, device=device), size, features)


def sines(counts: Tensor, total: int, features: int) -> Tensor:
    """Return `(size, features)`: sines at even, cosines at odd features of counts as an angle.

    Args:
        counts: `(size,)` float32, 0 to `total`.
        total: count of the whole circle.
        features: how many.
    """
    angle = counts / (total + 1e-6) * (2 * math.pi)
    index = torch.arange(features, dtype=torch.float32, device=counts.device)
    # (size, 1) / (features,) -> (size, features)
    phase = angle[:, None] / TEMPERATURE ** (2 * torch.floor(index / 2) / features)
    return torch.where(index % 2 == 0, phase.sin(), phase.cos())
