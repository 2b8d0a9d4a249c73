"""Swin Transformer V2: attention by cosine, norms behind, positions by a small network.

Differs from `swin.py` in the block's norms, in its attention, and in the order of the step down.
Only strides 8 to 32 have a norm, as in the released files.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.backbones.mlp import GeluMLP
from maskstream_model.backbones.swin import PatchEmbed, merged_neighbours
from maskstream_model.backbones.windows import ShiftedWindows, relative_positions
from maskstream_model.config.networks import SwinV2Config

MAX_SCALE = math.log(100.0)
"""Of the logarithm of how much a cosine counts."""
BIAS_SCALE = 16.0
SPAN = 8.0


class CosineAttention(ShiftedWindows):
    """Every token of a window attends to all of it, by cosines and a bias of the distance."""

    relative_coords_table: Tensor
    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, window: int, hidden: int) -> None:
        super().__init__(heads, window)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, heads, bias=False)
        )
        self.register_buffer("relative_coords_table", log_distances(window))
        self.register_buffer("relative_position_index", relative_positions(window))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def project(self, windows: Tensor) -> Tensor:
        """Return queries, keys and values `(B, n, S, 3 * C)`; keys have no bias."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        return F.linear(windows, self.qkv.weight, bias)

    def read(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """Attend by cosines; shapes are those of `ShiftedWindows.read`."""
        scale = self.logit_scale.clamp(max=MAX_SCALE).exp()
        # One factor for each head; windows and heads share an axis.
        q = F.normalize(q, dim=-1) * scale.repeat(q.shape[1] // self.heads, 1, 1)
        k = F.normalize(k, dim=-1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)

    def bias(self) -> Tensor:
        """Return the bias of every pair of tokens, `(1, heads, S, S)`."""
        tokens = self.window**2
        table = self.cpb_mlp(self.relative_coords_table).view(-1, self.heads)
        pairs: Tensor = BIAS_SCALE * table[self.relative_position_index.flatten()].sigmoid()
        # (S * S, heads) -> (1, S, S, heads) -> (1, heads, S, S)
        return pairs.view(1, tokens, tokens, -1).permute(0, 3, 1, 2)


class SwinV2Block(nn.Module):
    """Window attention and a feed-forward network, each normalised and then added."""

    def __init__(self, config: SwinV2Config, stage: int, shifted: bool) -> None:
        super().__init__()
        width, window = config.widths[stage], config.windows[stage]
        self.shift = window // 2 if shifted else 0
        self.norm1 = nn.LayerNorm(width)
        self.attn = CosineAttention(width, config.heads[stage], window, config.position_width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = GeluMLP(width, config.mlp_ratio * width)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the new tokens `(B, height, width, C)`."""
        grid = grid + self.norm1(self.attn(grid, self.shift))
        mixed: Tensor = grid + self.norm2(self.mlp(grid))
        return mixed


class PatchMergingV2(nn.Module):
    """Four neighbours become one token of twice the width, normalised afterwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(2 * width)

    def forward(self, grid: Tensor) -> Tensor:
        """Map `(B, height, width, C)` to `(B, height / 2, width / 2, 2 C)`; odd sides grow by 0."""
        merged: Tensor = self.norm(self.reduction(merged_neighbours(grid)))
        return merged


class SwinV2Stage(nn.Module):
    """Blocks of one stride, and the step to the next one; every second block is shifted."""

    def __init__(self, config: SwinV2Config, stage: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                SwinV2Block(config, stage, index % 2 == 1 and config.shifted[stage])
                for index in range(config.depths[stage])
            )
        )
        last = stage == len(config.depths) - 1
        self.downsample = None if last else PatchMergingV2(config.widths[stage])

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stage's own tokens `(B, height, width, C)`, and what the next one begins with.

        After the last stage both are the same.
        """
        grid = self.blocks(grid)
        return grid, grid if self.downsample is None else self.downsample(grid)


class SwinV2(nn.Module):
    """Patches and four stages; strides 4, 8, 16 and 32."""

    def __init__(self, config: SwinV2Config) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.width)
        self.layers = nn.ModuleList(SwinV2Stage(config, stage) for stage in range(4))
        self.norm1, self.norm2, self.norm3 = map(nn.LayerNorm, config.widths[1:])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps res2..res5 `(B, width, height / stride, width / stride)`.

        Args:
            images: `(B, 3, height, width)`, normalised; both sizes multiples of 32. The map of
                stride 4 is not normalised.
        """
        grid, maps = self.patch_embed(images), []
        for stage in self.layers:
            tokens, grid = stage(grid)
            maps.append(tokens)
        res2, *rest = maps
        norms = (self.norm1, self.norm2, self.norm3)
        rest = [norm(tokens) for norm, tokens in zip(norms, rest, strict=True)]
        # (B, h, w, C) -> (B, C, h, w)
        first, second, third, fourth = (x.permute(0, 3, 1, 2) for x in (res2, *rest))
        return first, second, third, fourth


def log_distances(window: int) -> Tensor:
    """Return `(1, 2 w - 1, 2 w - 1, 2)`: distances of two tokens (rows, columns), on a log scale.

    Released files bring their own table, that of the window of their pretraining.
    """
    steps = torch.arange(1 - window, window) / max(window - 1, 1) * SPAN
    logs = steps.sign() * (steps.abs() + 1).log2() / math.log2(SPAN)
    return torch.stack(torch.meshgrid(logs, logs, indexing="ij"), -1)[None]
