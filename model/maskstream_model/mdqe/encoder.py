"""From backbone maps to tokens of four levels that have seen one another (docs/model.md 14.1)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.aliases import Size
from maskstream_model.constants import kept
from maskstream_model.mask2former.geometry import Geometry, geometry
from maskstream_model.mdqe.attention import POINTS, CellAttention
from maskstream_model.mdqe.config import NetworkConfig
from maskstream_model.mdqe.padding import NUM_LEVELS, frame_padding, frame_positions, level_shapes

FFN = 4
"""Hidden width of feed-forward networks, in widths."""
GROUPS = 32
"""Of the norms of projections."""


class EncoderLayer(nn.Module):
    """Deformable attention and a feed-forward network, each added and normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = CellAttention(width, heads, NUM_LEVELS, POINTS)
        self.norm1 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, FFN * width)
        self.linear2 = nn.Linear(FFN * width, width)
        self.norm2 = nn.LayerNorm(width)

    def forward(
        self, tokens: Tensor, positions: Tensor, padding: Tensor, geometry: Geometry
    ) -> Tensor:
        """Return the new tokens `(B, S, C)`."""
        read = self.self_attn(tokens + positions, tokens, geometry, padding)
        tokens = self.norm1(tokens + read)
        mixed: Tensor = self.norm2(tokens + self.linear2(F.gelu(self.linear1(tokens))))
        return mixed


class Encoder(nn.Module):
    """The layers, one after the other, and a last norm."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(config.width, config.heads) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)


class LevelTransformer(nn.Module):
    """The encoder over the tokens of all levels, which learned embeddings distinguish."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.level_embed = nn.Parameter(torch.randn(NUM_LEVELS, config.width))
        self.encoder = Encoder(config)
        self._positions = kept(frame_positions)
        self._padding = kept(frame_padding)
        self._geometry = kept(geometry)

    def forward(
        self, levels: Sequence[Tensor], padded: Size, resized: Sequence[Size]
    ) -> tuple[Tensor, Tensor]:
        """Return tokens `(B, S, C)` of levels `(B, C, h, w)`, and their padding `(B, S)` bool.

        Args:
            levels: of strides 8 to 64.
            padded: `(height, width)` of the frames in the network.
            resized: the same of each frame, without padding.
        """
        # (B, C, h, w) -> (B, h * w, C), joined as (B, S, C)
        tokens = torch.cat([level.flatten(2).mT for level in levels], 1)
        device, width = tokens.device, tokens.shape[-1]
        embeds = torch.cat(
            [
                embed.expand(level.shape[-2] * level.shape[-1], -1)
                for embed, level in zip(self.level_embed, levels, strict=True)
            ]
        )
        sizes = [(padded, size) for size in resized]
        positions = torch.stack([self._positions(*pair, width, device) for pair in sizes]) + embeds
        padding = torch.stack([self._padding(*pair, device) for pair in sizes])
        shapes = level_shapes(padded)
        constants = self._geometry(shapes, shapes, self.heads, POINTS, device)
        for layer in self.encoder.layers:
            tokens = layer(tokens, positions, padding, constants)
        return self.encoder.norm(tokens), padding


class InputProjection(nn.ModuleList):
    """Three maps of the backbone, and a coarser one of the last, at the encoder's width."""

    def __init__(self, config: NetworkConfig) -> None:
        _, *widths = config.backbone.widths
        convs = [nn.Conv2d(inputs, config.width, 1) for inputs in widths]
        convs.append(nn.Conv2d(widths[-1], config.width, 3, stride=2, padding=1))
        super().__init__(nn.Sequential(conv, nn.GroupNorm(GROUPS, config.width)) for conv in convs)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return levels `(B, C, h, w)` of strides 8 to 64 of maps of strides 8 to 32."""
        return [project(x) for project, x in zip(self, (*maps, maps[-1]), strict=True)]
