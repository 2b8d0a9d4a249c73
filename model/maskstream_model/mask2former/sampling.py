"""Bilinear samples of feature levels, weighed and summed: one operation, three equal bodies.

- `sample_by_grid`: `grid_sample`; the plainest.
- `sample_by_gather`: explicit corners; for export, as engines of TensorRT are known to get
  `grid_sample` wrong inside deformable attention.
- `sample_by_bag`: the same corners as weighed bags of table rows; fastest on a CPU.

A body takes `value (B, S, M, D)` of `M` heads with the cells of all levels row by row, the
`geometry` of the levels, `locations (B, S', M, L, P, 2)` as (x, y) in pixels of their level (pixel
centres are whole numbers) and `weights (B, S', M, L, P)`; it returns `(B, S', M, D)`. Outside of a
level everything is zero.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from maskstream_model.backends.sampling_choice import GRID_SAMPLE
from maskstream_model.mask2former.bags import weighed_bags
from maskstream_model.mask2former.geometry import Geometry, Shapes


def sample_and_weigh(
    value: Tensor, geometry: Geometry, locations: Tensor, weights: Tensor
) -> Tensor:
    """Run the body that suits the situation; see the module for shapes and units."""
    if torch.compiler.is_compiling():
        body = sample_by_grid if GRID_SAMPLE.get() else sample_by_gather
        return body(value, geometry, locations, weights)
    if value.device.type == "cpu" and value.dtype == torch.float32:
        return sample_by_bag(value, geometry, locations, weights)
    return sample_by_grid(value, geometry, locations, weights)


def sample_by_grid(value: Tensor, geometry: Geometry, locations: Tensor, weights: Tensor) -> Tensor:
    """Sample with `grid_sample`, level by level."""
    shapes, batch, heads = geometry.shapes, value.shape[0], value.shape[2]
    sizes = geometry.limits[1].view(2, heads, len(shapes), -1)  # (2, M, L, P)
    sampled = []
    for level, (height, width) in enumerate(shapes):
        cells = value[:, _start(shapes, level) : _start(shapes, level + 1)]
        # (B, h * w, M, D) -> (B, M, D, h * w) -> (B * M, D, h, w)
        maps = cells.permute(0, 2, 3, 1).reshape(batch * heads, -1, height, width)
        grid = (2 * locations[:, :, :, level] + 1) / sizes[:, 0, level, 0] - 1
        # (B, S', M, P, 2) -> (B * M, S', P, 2)
        grid = grid.transpose(1, 2).flatten(0, 1)
        sampled.append(F.grid_sample(maps, grid, align_corners=False))  # (B * M, D, S', P)
    # Samples (B * M, D, S', L, P); weights (B, S', M, L, P) -> (B * M, 1, S', L, P).
    read = torch.stack(sampled, -2) * weights.transpose(1, 2).flatten(0, 1)[:, None]
    # (B * M, D, S') -> (B, M, D, S') -> (B, S', M, D)
    return read.sum((-1, -2)).reshape(batch, heads, value.shape[3], -1).permute(0, 3, 1, 2)


def sample_by_gather(
    value: Tensor, geometry: Geometry, locations: Tensor, weights: Tensor
) -> Tensor:
    """Sample the four corners of every location by `gather`."""
    shapes = geometry.shapes
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


def sample_by_bag(value: Tensor, geometry: Geometry, locations: Tensor, weights: Tensor) -> Tensor:
    """Sample the four corners of every location as one weighed bag of table rows.

    Along so long an axis as `M * L * P` all is quick. Memory is let go of as soon as it can be:
    what is used again is in the cache.
    """
    # (B, S', M, L, P, 2) -> (B, S', 2, M * L * P)
    places = locations.movedim(-1, 2).flatten(3)
    # One step outside everything is zero, so that clamping there changes nothing.
    places = torch.clamp(places, *geometry.limits)
    rows = _bags(_corner_rows(places.floor(), geometry), geometry.heads)
    shares = _bags(_corner_shares(places - places.floor(), weights.flatten(2)), geometry.heads)
    # (B, S'', M * D) -> (B * S'' * M, D): one table row for a head of a cell
    table = _bordered(value, geometry.shapes).view(-1, value.shape[-1])
    # (B * S' * M, D) -> (B, S', M, D)
    return weighed_bags(table, rows, shares).view(*weights.shape[:2], *value.shape[2:])


def _corner_shares(offset: Tensor, weights: Tensor) -> list[Tensor]:
    """Return the shares of four corners, `(B, S', M * L * P)` each, by the offset from the first.

    Args:
        offset: `(B, S', 2, M * L * P)`, 0 to 1 to the right and down.
        weights: `(B, S', M * L * P)`, what the four have together.
    """
    right, down = offset.unbind(2)
    lower = weights * down
    upper = weights - lower
    lower_right, upper_right = lower * right, upper * right
    return [upper - upper_right, upper_right, lower - lower_right, lower_right]


def _bags(corners: list[Tensor], heads: int) -> Tensor:
    """Join what four corners have, `(B, S', M * L * P)` each, as `(B * S' * M, 4 * L * P)`."""
    # (B, S', M * L * P) -> (B, S', M, L * P), four of them -> (B, S', M, 4, L * P)
    joined = torch.stack([each.view(*each.shape[:2], heads, -1) for each in corners], 3)
    return joined.flatten(3).flatten(0, 2)


def _corner_rows(corner: Tensor, geometry: Geometry) -> list[Tensor]:
    """Return rows of the bordered table, four `(B, S', M * L * P)` int32, by the first corner."""
    columns, rows = corner.unbind(2)
    # Whole numbers, and float32 has all of a level's cells. NaN must come out as NaN, by way of the
    # shares, and not as a row that does not exist.
    cells = torch.addcmul(columns, rows, geometry.pitch).nan_to_num_(0).int()
    first = torch.add(geometry.first, cells, alpha=geometry.heads)
    if len(first) > 1:
        frames = torch.arange(len(first), dtype=torch.int32, device=first.device)
        first += (frames * geometry.table_rows)[:, None, None]  # (B,) -> (B, 1, 1)
    right, below = first + geometry.heads, first + geometry.below
    return [first, right, below, below + geometry.heads]


def _bordered(value: Tensor, shapes: Shapes) -> Tensor:
    """Return `(B, S'', M * D)`: zero cells around each level, one before and two behind."""
    # (B, S, M, D) -> (B, S, M * D) -> a (B, h * w, M * D) for each level
    levels = torch.split(value.flatten(2), [h * w for h, w in shapes], 1)
    # (B, h * w, M * D) -> (B, h, w, M * D) -> (B, (h + 3) * (w + 3), M * D)
    grids = [x.view(len(x), h, w, -1) for x, (h, w) in zip(levels, shapes, strict=True)]
    return torch.cat([F.pad(grid, (0, 0, 1, 2, 1, 2)).flatten(1, 2) for grid in grids], 1)


def _start(shapes: Shapes, level: int) -> int:
    return sum(height * width for height, width in shapes[:level])
