"""Plain vision transformer, as DINOv2 has it (docs/model.md 2.3).

It has one stride, 16; `vit_adapter.py` makes maps of four strides from it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.backbones.mlp import GeluMLP
from maskstream_model.config import VitAdapterConfig

PATCH = 16
EPS = 1e-6
"""Of every layer norm of this backbone; torch's default is 1e-5."""


class Patches(nn.Module):
    """Patches of 16x16 pixels become cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, 3, height, width)` to `(B, C, height / 16, width / 16)`."""
        cells: Tensor = self.proj(images)
        return cells


class SelfAttention(nn.Module):
    """Every token looks at every token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what every token of `(B, S, C)` read, in the same shape."""
        # (B, S, 3 * C) -> (B, S, 3, heads, C / heads) -> (3, B, heads, S, C / heads)
        qkv = self.qkv(tokens).view(*tokens.shape[:2], 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        read = F.scaled_dot_product_attention(q, k, v)
        # (B, heads, S, C / heads) -> (B, S, C)
        mixed: Tensor = self.proj(read.transpose(1, 2).flatten(2))
        return mixed


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Scale `(..., C)`."""
        return tokens * self.gamma


class Block(nn.Module):
    """Attention and a feed-forward network, each normalised before, scaled and added after."""

    def __init__(self, width: int, heads: int, mlp_ratio: int = 4) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, EPS)
        self.attn = SelfAttention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, EPS)
        self.mlp = GeluMLP(width, mlp_ratio * width)
        self.ls2 = LayerScale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the new tokens `(B, S, C)`."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        mixed: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return mixed


class VisionTransformer(nn.Module):
    """Patches, positions and blocks; whoever uses it runs the blocks.

    `mask_token` and `norm` are in the released files and read by nobody.
    """

    def __init__(self, config: VitAdapterConfig) -> None:
        super().__init__()
        width, places = config.width, config.position_grid**2
        self.grid = config.position_grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + places, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.patch_embed = Patches(width)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.mlp_ratio) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width, EPS)
        for embedding in (self.cls_token, self.pos_embed):
            nn.init.trunc_normal_(embedding, std=0.02)

    def embed(self, images: Tensor) -> Tensor:
        """Return tokens with positions, the class token first: `(B, 1 + S, C)`."""
        cells = self.patch_embed(images)
        # (B, C, height / 16, width / 16) -> (B, C, S), later (B, S, C)
        patches = (cells + self._positions(cells.shape[2], cells.shape[3])).flatten(2)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(images.shape[0], -1, -1)
        return torch.cat([first, patches.transpose(1, 2)], 1)

    def _positions(self, height: int, width: int) -> Tensor:
        """Return the learned positions, resized to a grid: `(1, C, height, width)`."""
        # (1, grid * grid, C) -> (1, C, grid, grid)
        square = self.pos_embed[:, 1:].transpose(1, 2).view(1, -1, self.grid, self.grid)
        if (height, width) == (self.grid, self.grid):
            return square
        # A tenth of a cell more than the size, and this scale taken at its word: cells are read
        # where the released weights learned them, which is not where `size=` would read them.
        scale = ((height + 0.1) / self.grid, (width + 0.1) / self.grid)
        return F.interpolate(square, scale_factor=scale, mode="bicubic", align_corners=False)
