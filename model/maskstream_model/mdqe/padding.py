"""Which cells of a frame's levels are padding, and the positions of all (docs/model.md 14.1)."""

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.mask2former.positions import sines

STRIDES = (8, 16, 32, 64)
NUM_LEVELS = len(STRIDES)
Shapes = tuple[Size, ...]


def level_shapes(padded: Size) -> Shapes:
    """Return `(height, width)` of the levels of a padded frame; rows and columns that are begun."""
    return tuple((-(-padded[0] // stride), -(-padded[1] // stride)) for stride in STRIDES)


def frame_padding(padded: Size, resized: Size, device: torch.device) -> Tensor:
    """Return `(S,)` bool: the cells of all levels that are no part of the picture.

    Args:
        padded: `(height, width)` of the frame in the network.
        resized: the same without padding.
        device: of the result.
    """
    parts = []
    for shape, (rows, columns) in zip(level_shapes(padded), level_shapes(resized), strict=True):
        outside = torch.ones(shape, dtype=torch.bool, device=device)
        outside[:rows, :columns] = False
        parts.append(outside.flatten())
    return torch.cat(parts)


def frame_positions(padded: Size, resized: Size, width: int, device: torch.device) -> Tensor:
    """Return `(S, C)`: sine positions of the cells, y before x, counted inside the picture.

    The padding beside the picture is at row 0, that below it at column 0; towards its own side it
    is where the picture ends.

    Args:
        padded: as of `frame_padding`.
        resized: likewise.
        width: `C`, a multiple of 4.
        device: of the result.
    """
    half, parts = width // 2, []
    for shape, valid in zip(level_shapes(padded), level_shapes(resized), strict=True):
        y, x = (
            sines(torch.arange(1.0, size + 1, device=device).clamp(max=inside), inside, half)
            for size, inside in zip(shape, valid, strict=True)
        )
        # An angle of 0: sines of 0 and cosines of 1 in turn.
        level = (torch.arange(width, device=device) % 2).float().repeat(*shape, 1)
        level[:, : valid[1], :half] = y[:, None]  # (h, 1, C / 2) -> (h, w', C / 2)
        level[: valid[0], :, half:] = x  # (w, C / 2) -> (h', w, C / 2)
        parts.append(level.flatten(0, 1))
    return torch.cat(parts)
