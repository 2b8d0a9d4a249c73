"""Deformable attention in three forms (docs/model.md 14.1): around a cell, in a box, over frames.

Offsets are in eighths of the picture, whatever the size of a level is.
"""

import torch
from torch import Tensor, nn

from maskstream_model.mask2former.deformable_attention import DeformableAttention, softmax
from maskstream_model.mask2former.geometry import Geometry
from maskstream_model.mask2former.sampling import sample_and_weigh

POINTS = 4
SCALE = 8.0
"""Parts of the picture's side that an offset of 1 is one of."""


class CellAttention(DeformableAttention):
    """Every cell of every level attends to a few points around itself on all levels."""

    def moves(self, query: Tensor, geometry: Geometry) -> Tensor:
        """See `DeformableAttention`."""
        sizes = geometry.limits[1].view(2, self.heads, self.levels, self.points)
        return super().moves(query, geometry) * (sizes / SCALE)


class BoxAttention(nn.Module):
    """Queries attend to points of a pattern in their boxes, moved by predicted offsets.

    Attributes:
        slots: levels of a frame, or frames for one that looks at several.
    """

    sampling_offsets: Tensor

    def __init__(self, width: int, heads: int, slots: int) -> None:
        super().__init__()
        self.heads, self.slots = heads, slots
        self.register_buffer("sampling_offsets", pattern(heads, slots))
        self.sampling_grid_offsets = nn.Linear(width, heads * slots * POINTS * 2)
        self.attention_weights = nn.Linear(width, heads * slots * POINTS)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)

    def forward(
        self, query: Tensor, boxes: Tensor, tokens: Tensor, padding: Tensor, geometry: Geometry
    ) -> Tensor:
        """Return what queries read on the levels of their own frames, `(T, Q, C)`.

        Args:
            query: `(T, Q, C)`, with positions.
            boxes: `(T, Q, 4)` centre and size (x, y, width, height), 0 to 1.
            tokens: `(T, S, C)`, the cells of all levels of each frame.
            padding: `(T, S)` bool.
            geometry: of the levels.
        """
        places, weights = self.aim(query, boxes)
        places = places * sizes_of(geometry) - 0.5
        value = values_of(self.value_proj(tokens), padding, self.heads)
        mixed: Tensor = self.output_proj(
            sample_and_weigh(value, geometry, places, weights).flatten(2)
        )
        return mixed

    def over_frames(
        self, query: Tensor, boxes: Tensor, tokens: Tensor, padding: Tensor, geometry: Geometry
    ) -> Tensor:
        """Return what queries read at the same points of several frames, `(1, Q, C)`.

        The mean over the levels is taken of sums over frames and points.

        Args:
            query: `(1, Q, C)`, with positions.
            boxes: `(1, Q, 4)`.
            tokens: `(F, S, C)` of as many frames as there are slots.
            padding: `(F, S)` bool.
            geometry: of the levels of all frames as one list, frame by frame.
        """
        places, weights = self.aim(query, boxes)
        levels = len(geometry.shapes) // self.slots
        # (1, Q, M, F, P, ...) -> (1, Q, M, F * L, P, ...), each level of a frame alike
        places = places.repeat_interleave(levels, 3) * sizes_of(geometry) - 0.5
        weights = weights.repeat_interleave(levels, 3) / levels
        value = values_of(self.value_proj(tokens), padding, self.heads)
        # (F, S, M, D) -> (1, F * S, M, D)
        value = value.flatten(0, 1)[None]
        mixed: Tensor = self.output_proj(
            sample_and_weigh(value, geometry, places, weights).flatten(2)
        )
        return mixed

    def aim(self, query: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return places `(B, Q, M, slots, P, 2)`, 0 to 1 in the picture, and their weights."""
        each = (*query.shape[:2], self.heads, self.slots, POINTS)
        centre, size = boxes[:, :, None, None, None].chunk(2, -1)
        moved = self.sampling_grid_offsets(query).view(*each, 2)
        most = SCALE * size
        offsets = self.sampling_offsets * 0.5 * size + torch.clamp(moved, -most, most)
        weights = softmax(self.attention_weights(query).view(*each[:3], -1)).view(each)
        return centre + offsets / SCALE, weights


def pattern(heads: int, slots: int) -> Tensor:
    """Return `(1, 1, heads, slots, POINTS, 2)`: each head's direction, its points farther each."""
    angle = torch.arange(heads) * (2 * torch.pi / heads)
    ring = torch.stack([angle.cos(), angle.sin()], -1)
    ring = ring / ring.abs().amax(-1, keepdim=True)
    steps = torch.arange(1, POINTS + 1) / POINTS * SCALE
    # (M, 1, 1, 2) * (1, 1, P, 1) -> (M, 1, P, 2), repeated as (M, slots, P, 2)
    points = (ring[:, None, None] * steps[:, None]).expand(heads, slots, POINTS, 2)
    return points[None, None].contiguous()


def values_of(projected: Tensor, padding: Tensor, heads: int) -> Tensor:
    """Return `(B, S, M, D)` of projected tokens `(B, S, C)`, zero in the padding."""
    shown = projected.masked_fill(padding[..., None], 0.0)
    return shown.view(*projected.shape[:2], heads, -1)


def sizes_of(geometry: Geometry) -> Tensor:
    """Return `(M, L, 1, 2)`: width and height of each level in pixels."""
    levels = len(geometry.shapes)
    sizes = geometry.limits[1].view(2, geometry.heads, levels, geometry.points)
    return sizes[..., :1].movedim(0, -1)  # (2, M, L, 1) -> (M, L, 1, 2)
