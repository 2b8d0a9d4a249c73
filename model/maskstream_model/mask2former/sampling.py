"""Bilinear samples of feature levels, weighed and summed: one operation, three equal bodies.

- `sample_by_grid`: `grid_sample`; the plainest.
- `sample_by_gather`: explicit corners; for export, as engines are known to get `grid_sample`
  wrong inside deformable attention.
- `sample_by_bag`: the same corners as weighed bags of table rows; fastest on a CPU.

A body takes `value (B, S, M, D)` of `M` heads with the cells of all levels row by row, `shapes`
with a `(height, width)` per level, `locations (B, S', M, L, P, 2)` as (x, y) in pixels of their
level (pixel centres are whole numbers) and `weights (B, S', M, L, P)`; it returns
`(B, S', M, D)`. Outside of a level everything is zero.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from maskstream_model.mask2former.bags import weighed_bags

Shapes = Sequence[tuple[int, int]]
BORDER = 3


def sample_and_weigh(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """Run the body that suits the situation; see the module for shapes and units."""
    if torch.compiler.is_compiling():
        return sample_by_gather(value, shapes, locations, weights)
    if value.device.type == "cpu" and value.dtype == torch.float32:
        return sample_by_bag(value, shapes, locations, weights)
    return sample_by_grid(value, shapes, locations, weights)


def sample_by_grid(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """Sample with `grid_sample`, level by level."""
    batch, heads = value.shape[0], value.shape[2]
    sampled = []
    for level, (height, width) in enumerate(shapes):
        cells = value[:, _start(shapes, level) : _start(shapes, level + 1)]
        # (B, h * w, M, D) -> (B, M, D, h * w) -> (B * M, D, h, w)
        maps = cells.permute(0, 2, 3, 1).reshape(batch * heads, -1, height, width)
        size = locations.new_tensor([width, height])
        grid = (2 * locations[:, :, :, level] + 1) / size - 1
        # (B, S', M, P, 2) -> (B * M, S', P, 2)
        grid = grid.transpose(1, 2).flatten(0, 1)
        sampled.append(F.grid_sample(maps, grid, align_corners=False))  # (B * M, D, S', P)
    # Samples (B * M, D, S', L, P); weights (B, S', M, L, P) -> (B * M, 1, S', L, P).
    read = torch.stack(sampled, -2) * weights.transpose(1, 2).flatten(0, 1)[:, None]
    # (B * M, D, S') -> (B, M, D, S') -> (B, S', M, D)
    return read.sum((-1, -2)).reshape(batch, heads, value.shape[3], -1).permute(0, 3, 1, 2)


def sample_by_gather(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """Sample the four corners of every location by `gather`."""
    batch, queries, heads = locations.shape[:3]
    table = value.transpose(1, 2)  # (B, S, M, D) -> (B, M, S, D)
    read = value.new_zeros(batch, heads, queries, value.shape[-1])
    for level, (height, width) in enumerate(shapes):
        x, y = locations[:, :, :, level].unbind(-1)
        left, top = x.floor(), y.floor()
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column, row = left + dx, top + dy
            share = (1 - (x - column).abs()) * (1 - (y - row).abs()) * weights[:, :, :, level]
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            share = torch.where(inside, share, torch.zeros_like(share))
            cell = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            # (B, S', M, P) -> (B, M, S', P) -> (B, M, S' * P)
            index = (cell.long() + _start(shapes, level)).transpose(1, 2).flatten(2)
            # (B, M, S' * P) -> (B, M, S' * P, D), one row for all channels
            index = index[..., None].expand(-1, -1, -1, value.shape[-1])
            # (B, M, S' * P, D) -> (B, M, S', P, D)
            corner = table.gather(2, index).reshape(batch, heads, queries, -1, value.shape[-1])
            # Shares (B, S', M, P) -> (B, M, S', P, 1); the sum is over P.
            read = read + (corner * share.transpose(1, 2)[..., None]).sum(-2)
    return read.transpose(1, 2)  # (B, M, S', D) -> (B, S', M, D)


def sample_by_bag(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """Sample the four corners of every location as one weighed bag of table rows."""
    batch, queries, heads, levels, points = weights.shape
    limits = locations.new_tensor([[(w, h)] * points for h, w in shapes])
    # One step outside everything is zero, so that clamping there changes nothing.
    locations = torch.clamp(locations, torch.full_like(limits, -1), limits)
    corner = locations.floor()
    right, low = (locations - corner).unbind(-1)  # (B, S', M, L, P) each
    lower = weights * low
    upper = weights - lower
    lower_right, upper_right = lower * right, upper * right
    shares = [upper - upper_right, upper_right, lower - lower_right, lower_right]
    bags = (batch * queries * heads, 4 * levels * points)
    # (B, S'', M * D) -> (B * S'' * M, D): one table row for a head of a cell
    table = _bordered(value, shapes).view(-1, value.shape[-1])
    # (B, S', M, 4, L, P) -> (B * S' * M, 4 * L * P), rows and shares alike
    rows = _corner_rows(corner, shapes).view(bags)
    read = weighed_bags(table, rows, torch.stack(shares, 3).view(bags))
    return read.view(batch, queries, heads, -1)  # (B * S' * M, D) -> (B, S', M, D)


def _corner_rows(corner: Tensor, shapes: Shapes) -> Tensor:
    """Return `(B, S', M, 4, L, P)` int32: rows of the bordered table, by the upper left corner."""
    batch, _, heads, _, points = corner.shape[:5]
    # NaN must come out as NaN, by way of the shares, and not as a row that does not exist.
    columns, rows = corner.nan_to_num(0).int().unbind(-1)
    pitch = torch.tensor([[w + BORDER] * points for _, w in shapes], dtype=torch.int32)
    sizes = [(h + BORDER) * (w + BORDER) for h, w in shapes]
    starts = torch.tensor([[sum(sizes[:i])] * points for i in range(len(shapes))]) + pitch + 1
    # (B, 1, 1, 1, 1) + (L, P) -> (B, 1, 1, L, P), then by heads (M, 1, 1) -> (B, 1, M, L, P)
    frames = torch.arange(batch)[:, None, None, None, None] * sum(sizes)
    bases = (frames + starts) * heads + torch.arange(heads)[:, None, None]
    first = (rows * pitch).add_(columns).mul_(heads).add_(bases.int())
    steps = torch.stack([0 * pitch, 0 * pitch + 1, pitch, pitch + 1]) * heads
    # (B, S', M, 1, L, P) + (4, L, P) -> (B, S', M, 4, L, P)
    return first[:, :, :, None] + steps


def _bordered(value: Tensor, shapes: Shapes) -> Tensor:
    """Return `(B, S'', M * D)`: zero cells around each level, one before and two behind."""
    # (B, S, M, D) -> (B, S, M * D) -> a (B, h * w, M * D) for each level
    levels = torch.split(value.flatten(2), [h * w for h, w in shapes], 1)
    # (B, h * w, M * D) -> (B, h, w, M * D) -> (B, (h + 3) * (w + 3), M * D)
    grids = [x.view(len(x), h, w, -1) for x, (h, w) in zip(levels, shapes, strict=True)]
    return torch.cat([F.pad(grid, (0, 0, 1, 2, 1, 2)).flatten(1, 2) for grid in grids], 1)


def _start(shapes: Shapes, level: int) -> int:
    return sum(height * width for height, width in shapes[:level])
