"""What deformable attention needs of sizes alone: nothing here depends on a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Shapes = Sequence[tuple[int, int]]
BORDER = 3
"""Zero cells beside each level along an axis: one before and two behind."""


@dataclass(frozen=True)
class Geometry:
    """Constants of queries that sample levels; made by `geometry`, and never changed.

    Of `M` heads, `L` levels and `P` points; the last five are for `sampling.sample_by_bag`, whose
    table has the cells of all levels with borders of zeros, and a row for each head of a cell.

    Attributes:
        shapes: `(height, width)` of the levels that are sampled.
        heads: `M`.
        points: `P`, of every head on every level.
        centres: `(S, 2, M, L, P)` float32, every query's centre as (x, y) in pixels of each level;
            written out for all heads and points, since broadcasting along short axes is slow.
        limits: twice `(2, M * L * P)` float32, the last place (x, y) before a level and the first
            one behind it: one step outside.
        pitch: `(M * L * P,)` float32, cells of a level with borders from one to the one below it.
        below: `(M * L * P,)` int32, the same in rows of the table.
        first: `(M * L * P,)` int32, row of a level's cell (0, 0).
        table_rows: of the table of one frame.
    """

    shapes: Shapes
    heads: int
    points: int
    centres: Tensor
    limits: tuple[Tensor, Tensor]
    pitch: Tensor
    below: Tensor
    first: Tensor
    table_rows: int


def geometry(
    shapes: Shapes, queries: Shapes, heads: int, points: int, device: torch.device
) -> Geometry:
    """Return the constants of queries that sample levels.

    Args:
        shapes: `(height, width)` of the levels that are sampled.
        queries: `(height, width)` of the maps whose cells are the queries, `S` of them together.
        heads: `M`.
        points: `P`, of every head on every level.
        device: of the result.
    """
    sizes = [(height + BORDER) * (width + BORDER) for height, width in shapes]
    pitch = torch.tensor([[width + BORDER for _, width in shapes]], device=device)  # (1, L)
    starts = torch.tensor([sum(sizes[:level]) for level in range(len(shapes))], device=device)
    behind = torch.tensor([(w, h) for h, w in shapes], dtype=torch.float32, device=device)
    # (1, L) + (M, 1) -> (M, L)
    first = (starts + pitch + 1) * heads + torch.arange(heads, device=device)[:, None]

    def written_out(values: Tensor) -> Tensor:
        """Repeat `(..., 1, L)`, or `(..., M, L)`, as `(..., M, L, P)`."""
        return values[..., None].expand(*values.shape[:-2], heads, len(shapes), points)

    # (L, 2) -> (2, L) -> (2, 1, L) -> (2, M, L, P) -> (2, M * L * P)
    limits = written_out(behind.T[:, None]).flatten(1)
    return Geometry(
        shapes=shapes,
        heads=heads,
        points=points,
        # (S, L, 2) -> (S, 2, L) -> (S, 2, 1, L) -> (S, 2, M, L, P)
        centres=written_out(cell_centres(queries, shapes, device).mT[:, :, None]).contiguous(),
        limits=(torch.full_like(limits, -1), limits),
        pitch=written_out(pitch).flatten().float(),
        below=written_out(pitch * heads).flatten().int(),
        first=written_out(first).flatten().int(),
        table_rows=sum(sizes) * heads,
    )


def cell_centres(queries: Shapes, levels: Shapes, device: torch.device) -> Tensor:
    """Return `(S, L, 2)` float32: the centre (x, y) of every cell in pixels of every level.

    Pixel centres are whole numbers, so that a cell's centre on its own level is its index.

    Args:
        queries: `(height, width)` of the maps whose cells are meant.
        levels: `(height, width)` of the maps that are looked at.
        device: where the result is wanted.
    """
    centres = []
    for height, width in queries:
        y = (torch.arange(height, dtype=torch.float32, device=device) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float32, device=device) + 0.5) / width
        centres.append(torch.cartesian_prod(y, x).flip(-1))
    sizes = torch.tensor([(w, h) for h, w in levels], dtype=torch.float32, device=device)
    return torch.cat(centres)[:, None] * sizes - 0.5  # (S, 1, 2) * (L, 2) -> (S, L, 2)
