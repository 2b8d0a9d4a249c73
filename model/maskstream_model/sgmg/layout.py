"""What the transformer needs of sizes alone: padding and positions (docs/model.md 13.4).

Padding is right of and below a picture. Its cells take part as queries, and with positions of
their own kind: those of a row or column without any picture are huge angles. Later stages read
their neighbours, so that both have to be computed as the released model does.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from maskstream_model.aliases import Size
from maskstream_model.mask2former.geometry import Geometry, Shapes, geometry
from maskstream_model.mask2former.positions import TEMPERATURE

POINTS = 4


@dataclass(frozen=True)
class Layout:
    """Constants of frames of one size, of `L` levels with `S` cells.

    Attributes:
        shapes: `(height, width)` of the levels.
        padding: `(S, 1)` bool, cells of padding.
        positions: one `(h * w, C)` for each level.
        ratios: `(L, 2)` share of a level's width and height that is picture.
        geometry: of the encoder, whose queries are the cells.
    """

    shapes: Shapes
    padding: Tensor
    positions: list[Tensor]
    ratios: Tensor
    geometry: Geometry


def layout(
    shapes: Shapes, padded: Size, resized: Size, width: int, heads: int, device: torch.device
) -> Layout:
    """Return the constants of frames that are `resized` without and `padded` with padding.

    Args:
        shapes: of the levels, finest first.
        padded: `(height, width)` of the network's input.
        resized: the same without padding.
        width: `C`.
        heads: of attention.
        device: of the result.
    """
    picture = torch.zeros(1, 1, *padded, device=device)
    picture[..., : resized[0], : resized[1]] = 1
    there = [F.interpolate(picture, shape)[0, 0] > 0 for shape in shapes]
    ratios = torch.stack(
        [torch.stack([m[0].float().mean(), m[:, 0].float().mean()]) for m in there]
    )
    places = [_centres(mask, ratio) for mask, ratio in zip(there, ratios, strict=True)]
    # (S, 1, 2) * (L, 2) -> (S, L, 2)
    references = torch.cat(places)[:, None] * ratios
    constants = geometry(shapes, shapes, heads, POINTS, device)
    return Layout(
        shapes=shapes,
        padding=torch.cat([~mask.flatten() for mask in there])[:, None],
        positions=[positions(mask, width) for mask in there],
        ratios=ratios,
        geometry=with_centres(constants, references),
    )


def with_centres(constants: Geometry, references: Tensor) -> Geometry:
    """Return a geometry whose queries are at references `(..., S, L, 2)`, (x, y) as 0 to 1."""
    sizes = references.new_tensor([(width, height) for height, width in constants.shapes])
    pixels = (references * sizes - 0.5).mT[..., None, :, None]  # (..., S, 2, 1, L, 1)
    shape = (*pixels.shape[:-3], constants.heads, len(constants.shapes), constants.points)
    return replace(constants, centres=pixels.expand(shape).contiguous())


def positions(there: Tensor, width: int) -> Tensor:
    """Return sines of the cells' places, `(h * w, C)`: the y part, then the x part.

    Args:
        there: `(h, w)` bool, cells of the picture; others do not count.
        width: `C`.
    """
    parts = []
    for axis in (0, 1):
        count = there.cumsum(axis, dtype=torch.float32)
        end = count[-1:] if axis == 0 else count[:, -1:]
        angle = (count - 0.5) / (end + 1e-6) * (2 * math.pi)
        parts.append(sines(angle, width // 2))
    return torch.cat(parts, -1).flatten(0, 1)


def word_positions(count: int, width: int, device: torch.device) -> Tensor:
    """Return sines of the places of words, `(count, C)`."""
    places = torch.arange(1, count + 1, dtype=torch.float32, device=device)
    return sines(places / (count + 1e-6) * (2 * math.pi), width)


def sines(angle: Tensor, features: int) -> Tensor:
    """Map angles `(...)` to `(..., features)`: sines at even, cosines at odd features."""
    index = torch.arange(features, dtype=torch.float32, device=angle.device)
    phase = angle[..., None] / TEMPERATURE ** (2 * torch.floor(index / 2) / features)
    return torch.where(index % 2 == 0, phase.sin(), phase.cos())


def _centres(there: Tensor, ratio: Tensor) -> Tensor:
    """Return the middle (x, y) of every cell, `(h * w, 2)`, in parts of the picture alone."""
    height, width = there.shape
    y = (torch.arange(height, device=there.device) + 0.5) / (ratio[1] * height)
    x = (torch.arange(width, device=there.device) + 0.5) / (ratio[0] * width)
    return torch.cartesian_prod(y, x).flip(-1)
