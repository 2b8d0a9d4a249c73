"""Pixel decoder: deformable attention over three levels, then one step up to stride 4.

See docs/model.md 2.4.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.config import SegmenterConfig
from maskstream_model.constants import MAX_SIZES, kept
from maskstream_model.mask2former.deformable_attention import DeformableAttention
from maskstream_model.mask2former.geometry import Geometry, Shapes, geometry
from maskstream_model.mask2former.positions import cell_positions

NUM_LEVELS, NUM_POINTS = 3, 4


def group_norm(width: int) -> nn.GroupNorm:
    """Return a group norm with 32 groups, or the most that divide both 32 and `width`."""
    return nn.GroupNorm(math.gcd(32, width), width)


class ConvGroupNorm(nn.Conv2d):
    """Convolution without bias, followed by the group norm that it owns as `norm`."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = group_norm(outputs)
        nn.init.kaiming_uniform_(self.weight, a=1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalise `x (B, inputs, height, width)`."""
        normalised: Tensor = self.norm(super().forward(x))
        return normalised


class EncoderLayer(nn.Module):
    """Deformable attention and a feed-forward network, each added and normalised."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        width = config.hidden_dim
        self.self_attn = DeformableAttention(width, config.pixel_heads, NUM_LEVELS, NUM_POINTS)
        self.norm1 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, config.pixel_ffn_dim)
        self.linear2 = nn.Linear(config.pixel_ffn_dim, width)
        self.norm2 = nn.LayerNorm(width)
        nn.init.xavier_uniform_(self.linear1.weight)
        nn.init.xavier_uniform_(self.linear2.weight)

    def forward(self, tokens: Tensor, positions: Tensor, geometry: Geometry) -> Tensor:
        """Return the new tokens `(B, S, C)`."""
        read = self.self_attn(tokens + positions, tokens, geometry)
        tokens = self.norm1(tokens + read)
        normalised: Tensor = self.norm2(tokens + self.linear2(F.relu_(self.linear1(tokens))))
        return normalised


class Encoder(nn.Module):
    """The layers, one after the other."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.heads = config.pixel_heads
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.pixel_layers))
        self._geometry = kept(geometry)

    def forward(self, tokens: Tensor, positions: Tensor, shapes: Shapes) -> Tensor:
        """Return the new tokens `(B, S, C)`; `positions` is `(S, C)`, `shapes` a tuple."""
        constants = self._geometry(shapes, shapes, self.heads, NUM_POINTS, tokens.device)
        for layer in self.layers:
            tokens = layer(tokens, positions, constants)
        return tokens


class LevelTransformer(nn.Module):
    """Encoder over the tokens of all levels, which a learned embedding distinguishes."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.level_embed = nn.Parameter(torch.randn(NUM_LEVELS, config.hidden_dim))
        self.encoder = Encoder(config)
        self._positions = kept(cell_positions, NUM_LEVELS * MAX_SIZES)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Map levels `(B, C, h, w)` to levels of the same shapes."""
        shapes = tuple((level.shape[-2], level.shape[-1]) for level in levels)
        # (B, C, h, w) -> (B, h * w, C), joined as (B, S, C)
        tokens = torch.cat([level.flatten(2).transpose(1, 2) for level in levels], 1)
        # (h * w, C) + (C,) for each level, joined as (S, C)
        positions = torch.cat(
            [
                self._positions(*shape, tokens.shape[-1], tokens.device) + embed
                for shape, embed in zip(shapes, self.level_embed, strict=True)
            ]
        )
        tokens = self.encoder(tokens, positions, shapes)
        parts = tokens.split([h * w for h, w in shapes], 1)
        # (B, h * w, C) -> (B, h, w, C) -> (B, C, h, w)
        return [
            part.unflatten(1, shape).permute(0, 3, 1, 2)
            for part, shape in zip(parts, shapes, strict=True)
        ]


class PixelDecoder(nn.Module):
    """From backbone maps to mask features and to the levels that the mask decoder reads."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        width = config.hidden_dim
        finest, *coarser = config.backbone.widths
        self.input_proj = nn.ModuleList(
            nn.Sequential(_projection(inputs, width), group_norm(width))
            for inputs in reversed(coarser)
        )
        self.transformer = LevelTransformer(config)
        self.adapter_1 = ConvGroupNorm(finest, width, 1)
        self.layer_1 = ConvGroupNorm(width, width, 3)
        self.mask_features = _projection(width, width)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor], Tensor]:
        """Decode `maps` res2..res5.

        Returns:
            mask features `(B, C, H, W)` at stride 4, levels `(B, C, h, w)` of strides 32, 16 and 8,
            and the map that the mask features are made of.
        """
        finest, *coarser = maps
        levels = self.transformer(
            [project(x) for project, x in zip(self.input_proj, reversed(coarser), strict=True)]
        )
        upper = F.interpolate(
            levels[-1], size=finest.shape[-2:], mode="bilinear", align_corners=False
        )
        fine = F.relu_(self.layer_1(self.adapter_1(finest) + upper))
        return self.mask_features(fine), levels, fine


def _projection(inputs: int, outputs: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 1)
    nn.init.xavier_uniform_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv
