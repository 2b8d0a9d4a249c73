"""Spectrum-guided fusion of pictures and words (docs/model.md 13.3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.mask2former.attention import MultiheadAttention

SPREAD = 7.0
"""Standard deviation of the Gaussian, in cells of the finest level."""


class SpectralBlock(nn.Module):
    """Damps frequencies of a map by a learned amount, and mixes the channels of its spectrum.

    The spectrum is not shifted: the Gaussian's middle, where it damps most, is the highest
    frequency.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2 * width, 2 * width, 1)
        self.conv2 = nn.Conv2d(2 * width, 2 * width, 1)
        self.laplace = nn.Conv2d(width, width, 3)
        self.fc = nn.Sequential(
            nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, 1, bias=False)
        )

    def forward(self, maps: Tensor, gaussian: Tensor) -> Tensor:
        """Return the new maps `(T, C, h, w)`, at least 3x3.

        Args:
            maps: float32.
            gaussian: `(1, 1, h, w)`, what is damped.
        """
        share = torch.sigmoid(self.fc(self.laplace(maps).mean((2, 3))))  # (T, 1)
        spectrum = torch.fft.fft2(maps) * (1 - share[:, :, None, None] * gaussian)
        # Complex (T, C, h, w) -> real (T, 2 * C, h, w): real parts, then imaginary ones
        parts = torch.cat([spectrum.real, spectrum.imag], 1)
        real, imaginary = self.conv2(F.relu_(self.conv1(parts))).chunk(2, 1)
        mixed: Tensor = maps + torch.fft.ifft2(torch.complex(real, imaginary)).real
        return mixed


class Fusion(nn.Module):
    """Every cell reads the words, and is multiplied with what it read."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.multihead_attn = MultiheadAttention(width, heads)

    def forward(self, maps: Tensor, words: Tensor, positions: Tensor) -> Tensor:
        """Return the new maps `(T, C, h, w)`; `words` and `positions` are `(N, C)`."""
        cells = maps.flatten(2).transpose(1, 2)  # (T, C, h * w) -> (T, h * w, C)
        keys, values = (x.expand(len(cells), -1, -1) for x in (words + positions, words))
        read = self.multihead_attn(cells, keys, values)
        fused: Tensor = (cells * read).transpose(1, 2).reshape(maps.shape)
        return fused


def gaussians(shapes: tuple[tuple[int, int], ...], device: torch.device) -> list[Tensor]:
    """Return `(1, 1, h, w)` for each level: the finest is exact, each other resized from before."""
    (height, width), *others = shapes
    rows = torch.arange(height, dtype=torch.float32, device=device) - height // 2
    columns = torch.arange(width, dtype=torch.float32, device=device) - width // 2
    squared = rows[:, None] ** 2 + columns**2
    chain = [torch.exp(-squared / (2 * SPREAD**2))[None, None]]
    for shape in others:
        chain.append(F.interpolate(chain[-1], shape, mode="bilinear", align_corners=False))
    return chain
