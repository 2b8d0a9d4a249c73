"""Queries of frames, and of the clip that they have in common (docs/model.md 14.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.mask2former.attention import MultiheadAttention
from maskstream_model.mask2former.geometry import Geometry
from maskstream_model.mdqe.attention import BoxAttention
from maskstream_model.mdqe.boxes import clip_boxes, moved_boxes
from maskstream_model.mdqe.config import NetworkConfig
from maskstream_model.mdqe.encoder import FFN
from maskstream_model.mdqe.layers import GeluLayers
from maskstream_model.mdqe.padding import NUM_LEVELS
from maskstream_model.mdqe.queries import middle_of

FIRST_SIZE = 0.1
"""Width and height of the boxes that queries begin with."""


@dataclass(frozen=True)
class ClipTokens:
    """What queries of a clip read: of its `T` frames, and of the `F` that temporal attention sees.

    Attributes:
        tokens: `(T, S, C)`.
        padding: `(T, S)` bool.
        geometry: of a frame's levels.
        frames: indices of the `F` frames.
        frames_geometry: of their levels, frame by frame.
    """

    tokens: Tensor
    padding: Tensor
    geometry: Geometry
    frames: list[int]
    frames_geometry: Geometry


class DecoderLayer(nn.Module):
    """A step of the queries of every frame, then one of those of the clip."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        self.self_attn = MultiheadAttention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn = BoxAttention(width, heads, NUM_LEVELS)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, FFN * width)
        self.linear2 = nn.Linear(FFN * width, width)
        self.norm3 = nn.LayerNorm(width)
        self.time_weights = nn.Linear(width, 1)
        self.self_attn_inst = MultiheadAttention(width, heads)
        self.norm1_inst = nn.LayerNorm(width)
        self.temp_attn_inst = BoxAttention(width, heads, config.frames)
        self.norm2_inst = nn.LayerNorm(width)
        self.linear1_inst = nn.Linear(width, FFN * width)
        self.linear2_inst = nn.Linear(FFN * width, width)
        self.norm3_inst = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        clip: Tensor,
        boxes: tuple[Tensor, Tensor],
        positions: tuple[Tensor, Tensor],
        seen: ClipTokens,
    ) -> tuple[Tensor, Tensor]:
        """Return the new queries of frames and clip.

        Args:
            x: `(T, Q, C)` queries of the frames.
            clip: `(1, Q, C)` queries of the clip.
            boxes: `(T, Q, 4)` and `(1, Q, 4)` of both.
            positions: `(T, Q, C)` and `(1, Q, C)` of both.
            seen: what they read.
        """
        read = self.cross_attn(x + positions[0], boxes[0], seen.tokens, seen.padding, seen.geometry)
        read = self.norm2(x + read)
        query = read + positions[0]
        x = self.norm1(read + self.self_attn(query, query, read))
        x = self.norm3(x + self.linear2(F.gelu(self.linear1(x))))
        # (T, Q, 1) * (T, Q, C), summed over frames -> (1, Q, C)
        mean = (self.time_weights(x).softmax(0) * read).sum(0, keepdim=True)
        return x, self._clip_step(clip, mean, boxes[1], positions[1], seen)

    def _clip_step(
        self, clip: Tensor, mean: Tensor, boxes: Tensor, positions: Tensor, seen: ClipTokens
    ) -> Tensor:
        tokens, padding = seen.tokens[seen.frames], seen.padding[seen.frames]
        read = self.temp_attn_inst.over_frames(
            mean + positions, boxes, tokens, padding, seen.frames_geometry
        )
        clip = self.norm2_inst(clip + read)
        query = clip + positions
        clip = self.norm1_inst(clip + self.self_attn_inst(query, query, clip))
        mixed = self.linear2_inst(F.gelu(self.linear1_inst(clip)))
        normalised: Tensor = self.norm3_inst(clip + mixed)
        return normalised


class Decoder(nn.Module):
    """The layers; boxes move before the first and after each."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.frames = config.frames
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))

    def forward(
        self, x: Tensor, points: Tensor, seen: ClipTokens, shared: "SharedHeads"
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return queries of frames `(T, Q, C)`, of the clip `(1, Q, C)`, and boxes `(T, Q, 4)`.

        One of each before the first layer, and after each.

        Args:
            x: `(T, Q, C)`, the queries of each frame in the order of the middle one.
            points: `(T, Q, 2)` where they are, 0 to 1.
            seen: what they read.
            shared: what the layers share.
        """
        clip = x[middle_of(len(x))][None]
        boxes = torch.cat([points, torch.full_like(points, FIRST_SIZE)], -1)
        boxes = shared.moved(x, boxes)
        outputs = [(x, clip, boxes)]
        for layer in self.layers:
            pair = (boxes, clip_boxes(boxes, self.frames))
            positions = (shared.positions(pair[0]), shared.positions(pair[1]))
            x, clip = layer(x, clip, pair, positions, seen)
            boxes = shared.moved(x, boxes)
            outputs.append((x, clip, boxes))
        return outputs


@dataclass(frozen=True)
class SharedHeads:
    """Modules that all layers of the decoder share."""

    norm: nn.LayerNorm
    box: GeluLayers
    point: nn.Linear

    def moved(self, x: Tensor, boxes: Tensor) -> Tensor:
        """Return the boxes `(T, Q, 4)` after queries `(T, Q, C)` have moved them."""
        return moved_boxes(self.box(self.norm(x)), boxes)

    def positions(self, boxes: Tensor) -> Tensor:
        """Return `(..., C)` of the centres of boxes `(..., 4)`."""
        positions: Tensor = self.point(boxes[..., :2])
        return positions
