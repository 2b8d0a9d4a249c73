"""Swin Transformer whose stages feed the pixel decoder (docs/model.md 2.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.backbones.mlp import GeluMLP
from maskstream_model.backbones.windows import WindowAttention
from maskstream_model.config import SwinConfig

PATCH = 4


class PatchEmbed(nn.Module):
    """Patches of 4x4 pixels become normalised tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, 3, height, width)` to `(B, height / 4, width / 4, C)`."""
        # (B, C, height / 4, width / 4) -> (B, height / 4, width / 4, C)
        tokens: Tensor = self.norm(self.proj(images).permute(0, 2, 3, 1))
        return tokens


class SwinBlock(nn.Module):
    """Window attention and a feed-forward network, each normalised before and added after."""

    def __init__(self, config: SwinConfig, stage: int, shifted: bool) -> None:
        super().__init__()
        width = config.widths[stage]
        self.shift = config.window // 2 if shifted else 0
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, config.heads[stage], config.window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = GeluMLP(width, config.mlp_ratio * width)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the new tokens `(B, height, width, C)`."""
        grid = grid + self.attn(self.norm1(grid), self.shift)
        mixed: Tensor = grid + self.mlp(self.norm2(grid))
        return mixed


class PatchMerging(nn.Module):
    """Four neighbours become one token of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, grid: Tensor) -> Tensor:
        """Map `(B, height, width, C)` to `(B, height / 2, width / 2, 2 C)`; odd sides grow by 0."""
        merged: Tensor = self.reduction(self.norm(merged_neighbours(grid)))
        return merged


class SwinStage(nn.Module):
    """Blocks of one stride, and the step to the next one; every second block is shifted."""

    def __init__(self, config: SwinConfig, stage: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(SwinBlock(config, stage, index % 2 == 1) for index in range(config.depths[stage]))
        )
        last = stage == len(config.depths) - 1
        self.downsample = None if last else PatchMerging(config.widths[stage])

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stage's own tokens `(B, height, width, C)`, and what the next one begins with.

        After the last stage both are the same.
        """
        grid = self.blocks(grid)
        return grid, grid if self.downsample is None else self.downsample(grid)


class Swin(nn.Module):
    """Patches and four stages; strides 4, 8, 16 and 32."""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.widths[0])
        self.layers = nn.ModuleList(SwinStage(config, stage) for stage in range(4))
        self.norm0, self.norm1, self.norm2, self.norm3 = map(nn.LayerNorm, config.widths)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps res2..res5 `(B, width, height / stride, width / stride)`.

        Args:
            images: `(B, 3, height, width)`, normalised; both sizes multiples of 32.
        """
        grid, maps = self.patch_embed(images), []
        norms = (self.norm0, self.norm1, self.norm2, self.norm3)
        for stage, norm in zip(self.layers, norms, strict=True):
            tokens, grid = stage(grid)
            maps.append(norm(tokens).permute(0, 3, 1, 2))  # (B, h, w, C) -> (B, C, h, w)
        res2, res3, res4, res5 = maps
        return res2, res3, res4, res5


def merged_neighbours(grid: Tensor) -> Tensor:
    """Join four neighbours: `(B, height, width, C)` to `(B, height / 2, width / 2, 4 C)`.

    Odd sides grow by 0.
    """
    height, width = grid.shape[1:3]
    grid = F.pad(grid, (0, 0, 0, width % 2, 0, height % 2))
    # The four are in column-major order: upper left, lower left, upper right, lower right.
    parts = [grid[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
    return torch.cat(parts, -1)
