"""Where a clip's queries begin (docs/model.md 14.2): the best pixel of each cell of a grid."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def chosen_points(scores: Tensor, grid: int) -> Tensor:
    """Return `(T, Q, 2)`: the best place (x, y) of each cell of a grid, row by row, 0 to 1.

    A place is a pixel's index over the size of a map of twice the resolution, made to fit the grid.
    Its y is that of the pixel and its column's share of a row, as in the reference.

    Args:
        scores: `(T, h, w)`.
        grid: cells along a side.
    """
    rows, columns = (grid * (2 * size // grid + 1) for size in scores.shape[1:])
    # (T, h, w) -> (1, T, rows, columns)
    scaled = F.interpolate(scores[None], (rows, columns), mode="bilinear", align_corners=False)[0]
    height, width = rows // grid, columns // grid
    # (T, rows, columns) -> (T, grid, height, grid, width) -> (T, Q, height * width)
    cells = scaled.view(-1, grid, height, grid, width).transpose(2, 3).flatten(3).flatten(1, 2)
    best = cells.argmax(-1)
    cell = torch.arange(grid, device=scores.device)
    y = best // width + (cell * height).repeat_interleave(grid)
    x = best % width + (cell * width).repeat(grid)
    return torch.stack([x / columns, (y + x / columns) / rows], -1)


def features_at(levels: Sequence[Tensor], points: Tensor) -> Tensor:
    """Return `(T, Q, C)`: the mean over levels `(T, C, h, w)` of their values at points."""
    grid = (2 * points - 1)[:, :, None]  # (T, Q, 2) -> (T, Q, 1, 2)
    samples = [
        F.grid_sample(level, grid, padding_mode="border", align_corners=False)[..., 0]
        for level in levels
    ]
    # (L, T, C, Q) -> (T, C, Q) -> (T, Q, C)
    return torch.stack(samples).mean(0).mT


def followed(embeds: Tensor, grid: int, search: int) -> Tensor:
    """Return `(T, Q)` int64: the query of each frame that shows what one of the middle frame does.

    A query may be that of several; on the middle frame each is its own.

    Args:
        embeds: `(T, Q, E)` of the queries of each frame.
        grid: cells along a side.
        search: twice the cells by which a query may move from one frame to the next.
    """
    frames = len(embeds)
    middle = middle_of(frames)
    likeness = embeds @ embeds[middle].T  # (T, Q, E) * (E, Q) -> (T, Q, Q of the middle)
    cell = torch.arange(grid, device=embeds.device)
    cells = torch.cartesian_prod(cell, cell)
    apart = (cells[:, None] - cells).abs().amax(-1)  # (Q, Q)
    away = (torch.arange(frames, device=embeds.device) - middle).abs()
    too_far = apart > (search / 2 * away)[:, None, None]
    return likeness.masked_fill(too_far, -torch.inf).softmax(1).argmax(1)


def middle_of(frames: int) -> int:
    """Return the index of the middle frame of so many."""
    return (frames - 1) // 2
