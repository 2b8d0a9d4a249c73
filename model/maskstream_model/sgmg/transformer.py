"""Deformable transformer over the fused levels (docs/model.md 13.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.aliases import Pause
from maskstream_model.mask2former.attention import MultiheadAttention
from maskstream_model.mask2former.deformable_attention import DeformableAttention, softmax
from maskstream_model.mask2former.geometry import Geometry
from maskstream_model.mask2former.sampling import sample_and_weigh
from maskstream_model.sgmg.config import NetworkConfig
from maskstream_model.sgmg.layout import POINTS, Layout, with_centres

NUM_LEVELS = 4
SIGMOID_EPS = 1e-5


@dataclass(frozen=True)
class Decoded:
    """What the decoder says of `T` frames.

    Attributes:
        hidden: `(T, Q, C)`, of the last layer.
        boxes: `(T, Q, 4)` centre x, centre y, width, height as 0 to 1 of the picture.
    """

    hidden: Tensor
    boxes: Tensor


class MaskedDeformableAttention(DeformableAttention):
    """Deformable attention that reads zeros from padding; around points, or inside of boxes."""

    def read(
        self,
        query: Tensor,
        tokens: Tensor,
        padding: Tensor,
        geometry: Geometry,
        extents: Tensor | None = None,
    ) -> Tensor:
        """Return what every query read, `(T, S, C)`.

        Args:
            query: `(T, S, C)`, with positions.
            tokens: `(T, S', C)`, the cells of all levels.
            padding: `(S', 1)` bool, cells that are read as zeros.
            geometry: of the queries and levels.
            extents: `(T, S, 2, 1, L, 1)`, how many pixels one of the offsets is; None for 1.
        """
        samples = (*query.shape[:2], self.heads, self.levels, self.points)
        value = self.value_proj(tokens).masked_fill(padding, 0)
        offsets = self._offsets(query).view(*query.shape[:2], 2, *samples[2:])
        if extents is not None:
            offsets = offsets * extents
        # (T, S, 2, M, L, P) -> (T, S, M, L, P, 2), still in the memory's order
        locations = (geometry.centres + offsets).movedim(2, -1)
        logits = self.attention_weights(query).view(*samples[:3], -1)
        weights = softmax(logits).view(samples)
        # (T, S', C) -> (T, S', M, C / M)
        value = value.unflatten(-1, (self.heads, -1))
        read = sample_and_weigh(value, geometry, locations, weights)
        mixed: Tensor = self.output_proj(read.flatten(2))
        return mixed


class EncoderLayer(nn.Module):
    """Deformable attention and a feed-forward network, each added and normalised."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = MaskedDeformableAttention(width, config.heads, NUM_LEVELS, POINTS)
        self.norm1 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, config.hidden)
        self.linear2 = nn.Linear(config.hidden, width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, positions: Tensor, layout: Layout) -> Tensor:
        """Return the new tokens `(T, S, C)`."""
        read = self.self_attn.read(tokens + positions, tokens, layout.padding, layout.geometry)
        tokens = self.norm1(tokens + read)
        mixed: Tensor = self.norm2(tokens + self.linear2(F.relu_(self.linear1(tokens))))
        return mixed


class DecoderLayer(nn.Module):
    """Self-attention of a frame's queries, attention to its cells, and a feed-forward network."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.cross_attn = MaskedDeformableAttention(width, config.heads, NUM_LEVELS, POINTS)
        self.norm1 = nn.LayerNorm(width)
        self.self_attn = MultiheadAttention(width, config.heads)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, config.hidden)
        self.linear2 = nn.Linear(config.hidden, width)
        self.norm3 = nn.LayerNorm(width)

    def forward(
        self,
        state: Tensor,
        positions: Tensor,
        tokens: Tensor,
        layout: Layout,
        references: Tensor,
    ) -> Tensor:
        """Return the new state `(T, Q, C)`; `references` are `(T, Q, 2)` points or 4 for boxes."""
        query = state + positions
        state = self.norm2(state + self.self_attn(query, query, state))
        scaled = references[:, :, None] * layout.ratios.repeat(1, references.shape[-1] // 2)
        geometry = with_centres(layout.geometry, scaled[..., :2])  # scaled is (T, Q, L, 2 or 4)
        extents = _extents(scaled[..., 2:], layout) if references.shape[-1] == 4 else None
        query = state + positions
        read = self.cross_attn.read(query, tokens, layout.padding, geometry, extents)
        state = self.norm1(state + read)
        mixed: Tensor = self.norm3(state + self.linear2(F.relu_(self.linear1(state))))
        return mixed


class Layers(nn.Module):
    """The layers of an encoder or a decoder, under their released name."""

    def __init__(self, kind: type[nn.Module], config: NetworkConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(kind(config) for _ in range(config.layers))


class Transformer(nn.Module):
    """Encoder over the tokens of all levels, and decoder of a few queries of each frame."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.level_embed = nn.Parameter(torch.randn(NUM_LEVELS, config.width))
        self.encoder = Layers(EncoderLayer, config)
        self.decoder = Layers(DecoderLayer, config)
        self.reference_points = nn.Linear(config.width, 2)

    def encode(
        self, levels: Sequence[Tensor], layout: Layout, pause: Pause | None = None
    ) -> Tensor:
        """Map levels `(T, C, h, w)` to tokens `(T, S, C)`."""
        # (T, C, h, w) -> (T, h * w, C), joined as (T, S, C)
        tokens = torch.cat([level.flatten(2).transpose(1, 2) for level in levels], 1)
        pairs = zip(layout.positions, self.level_embed, strict=True)
        positions = torch.cat([each + embed for each, embed in pairs])
        for layer in self.encoder.layers:
            tokens = layer(tokens, positions, layout)
            if pause is not None:
                pause()
        return tokens

    def decode(
        self,
        sentence: Tensor,
        queries: Tensor,
        tokens: Tensor,
        layout: Layout,
        box_heads: nn.ModuleList,
    ) -> list[Decoded]:
        """Return what each layer says.

        Args:
            sentence: `(C,)`, content of every query.
            queries: `(Q, C)`, their positions.
            tokens: `(T, S, C)` of the encoder.
            layout: of the frames.
            box_heads: one for each layer, which moves the box of the layer before.
        """
        frames, (count, width) = len(tokens), queries.shape
        state = sentence.expand(frames, count, width)
        references = torch.sigmoid(self.reference_points(queries)).expand(frames, -1, -1)
        decoded = []
        for layer, head in zip(self.decoder.layers, box_heads, strict=True):
            state = layer(state, queries, tokens, layout, references)
            references = moved(references, head(state))
            decoded.append(Decoded(state, references))
        return decoded


def moved(references: Tensor, by: Tensor) -> Tensor:
    """Move points or boxes `(..., 2 or 4)` by `(..., 4)` before the sigmoid; returns boxes."""
    known = references.shape[-1]
    low, high = references.clamp(min=SIGMOID_EPS), (1 - references).clamp(min=SIGMOID_EPS)
    logits = F.pad(torch.log(low / high), (0, 4 - known))
    return torch.sigmoid(by + logits)


def _extents(sides: Tensor, layout: Layout) -> Tensor:
    """Map sides of boxes `(T, Q, L, 2)` to pixels of a step, `(T, Q, 2, 1, L, 1)`."""
    sizes = sides.new_tensor([(width, height) for height, width in layout.shapes])
    return (sides * sizes * 0.5 / POINTS).mT[..., None, :, None]
