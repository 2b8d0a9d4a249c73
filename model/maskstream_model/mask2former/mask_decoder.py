"""Masked-attention decoder: queries read the levels inside of their own masks.

See docs/model.md 2.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.config import SegmenterConfig
from maskstream_model.constants import MAX_SIZES, kept
from maskstream_model.mask2former.attention import (
    MLP,
    CrossAttentionLayer,
    FFNLayer,
    SelfAttentionLayer,
)
from maskstream_model.mask2former.positions import cell_positions

NUM_LEVELS = 3


@dataclass(frozen=True)
class LayerPrediction:
    """Prediction after one layer: `logits (B, Q, K + 1)` and `mask_logits (B, Q, H, W)`."""

    logits: Tensor
    mask_logits: Tensor


@dataclass(frozen=True)
class Level:
    """One level as the layers read it: keys and values `(B, M, C)`, features `(B, C, M)`.

    `M` counts the cells of `shape`, row by row.
    """

    key: Tensor
    value: Tensor
    mask_features: Tensor
    shape: tuple[int, int]


class MaskDecoder(nn.Module):
    """Learned queries, refined layer by layer; layer `i` reads level `i mod 3`."""

    def __init__(self, config: SegmenterConfig, num_classes: int, reid_head: bool = True) -> None:
        super().__init__()
        width, heads = config.hidden_dim, config.num_heads
        layers = range(config.decoder_layers)
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(width, heads) for _ in layers
        )
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(width, heads) for _ in layers
        )
        self.transformer_ffn_layers = nn.ModuleList(
            FFNLayer(width, config.decoder_ffn_dim) for _ in layers
        )
        self.decoder_norm = nn.LayerNorm(width)
        self.query_feat = nn.Embedding(config.num_queries, width)
        self.query_embed = nn.Embedding(config.num_queries, width)
        self.level_embed = nn.Embedding(NUM_LEVELS, width)
        self.class_embed = nn.Linear(width, num_classes + 1)
        self.mask_embed = MLP(width, width, width)
        # Released files of DVIS-DAQ carry it; nothing online reads it.
        self.reid_embed = MLP(width, width, width) if reid_head else None
        self._positions = kept(cell_positions, NUM_LEVELS * MAX_SIZES)

    def forward(self, maps: Sequence[Tensor], mask_features: Tensor) -> list[Tensor]:
        """Return `decoder_norm(state)` `(B, Q, C)` of the start state and after every layer.

        Args:
            maps: levels `(B, C, h, w)` of strides 32, 16 and 8.
            mask_features: `(B, C, H, W)`.
        """
        # (Q, C) -> (B, Q, C)
        state = self.query_feat.weight.expand(mask_features.shape[0], -1, -1)
        levels = self.levels(maps, mask_features)
        return self.refine(state, self.query_embed.weight, levels)

    def levels(self, maps: Sequence[Tensor], mask_features: Tensor) -> list[Level]:
        """Return what the layers read of `maps` and `mask_features`; shapes as in `forward`."""
        return [self._level(index, features, mask_features) for index, features in enumerate(maps)]

    def refine(
        self,
        state: Tensor,
        positions: Tensor,
        levels: Sequence[Level],
        given: Sequence[Tensor] = (),
    ) -> list[Tensor]:
        """Return `decoder_norm(state)` `(B, Q, C)` of the start state and after every layer.

        Args:
            state: `(B, Q, C)`.
            positions: broadcast to `(B, Q, C)`.
            levels: see `levels`.
            given: attention masks `(B, Q, M)`, True where blocked, that the first layers use
                instead of the queries' own (training only).
        """
        embeddings = [self.decoder_norm(state)]
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for index, (cross_attention, self_attention, ffn) in enumerate(layers):
            level = levels[index % NUM_LEVELS]
            own = index >= len(given)
            blocked = self._blocked(embeddings[-1], level) if own else given[index]
            state = cross_attention(state, level.key, level.value, positions, blocked)
            state = ffn(self_attention(state, positions))
            embeddings.append(self.decoder_norm(state))
        return embeddings

    def predict(self, embeddings: Tensor, mask_features: Tensor) -> LayerPrediction:
        """Return classes and masks of `embeddings (B, Q, C)`."""
        # (B, Q, C) @ (B, C, H * W) -> (B, Q, H * W), then (B, Q, H, W)
        mask_logits = self._masks(embeddings, mask_features.flatten(2))
        pictures = mask_logits.reshape(*mask_logits.shape[:2], *mask_features.shape[2:])
        return LayerPrediction(self.class_embed(embeddings), pictures)

    def _level(self, index: int, features: Tensor, mask_features: Tensor) -> Level:
        height, width = features.shape[-2:]
        # (B, C, h, w) -> (B, h * w, C) = (B, M, C)
        value = features.flatten(2).transpose(1, 2) + self.level_embed.weight[index]
        positions = self._positions(height, width, value.shape[-1], value.device)
        small = F.interpolate(
            mask_features.detach(), size=(height, width), mode="bilinear", align_corners=False
        )
        # Features (B, C, h, w) -> (B, C, M)
        return Level(value + positions, value, small.flatten(2), (height, width))

    def _masks(self, embeddings: Tensor, features: Tensor) -> Tensor:
        """Return masks of `embeddings (B, Q, C)` over `features (B, C, M)`: `(B, Q, M)`.

        Outside training they are in float32 also under autocast: their signs are attention masks.
        """
        if self.training or not torch.is_autocast_enabled(embeddings.device.type):
            masks: Tensor = self.mask_embed(embeddings) @ features
            return masks
        with torch.autocast(embeddings.device.type, enabled=False):
            exact: Tensor = self.mask_embed(embeddings.float()) @ features.float()
        return exact

    def _blocked(self, embeddings: Tensor, level: Level) -> Tensor:
        """Return the attention mask `(B, Q, M)`: True where a query's own mask is not.

        Differs from reference: the features are resized instead of each mask. Resizing is linear
        and so is the product with the features: same numbers up to rounding, a 20th of the work.
        A query without any mask attends everywhere; its limit is moved, no row is indexed, so that
        the graph does not depend on data.
        """
        with torch.no_grad():
            inside = self._masks(embeddings, level.mask_features)
            empty = inside.amax(-1, keepdim=True) < 0  # (B, Q, 1)
            return inside < torch.where(empty, -torch.inf, 0.0)
