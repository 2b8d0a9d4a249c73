"""From frames to the network's input: shorter side 360, as the released code resizes (13.6)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from maskstream_model.aliases import MAX_PIXELS, Frame, Size
from maskstream_model.errors import FrameError
from maskstream_model.frame_by_frame import check_frame
from maskstream_model.tasks.preprocess import normalise, pillow

DIVISOR = 16
"""Of padded heights and widths."""
MIN_SIDE = 144
"""Of a padded frame: at stride 64 the spectral block needs three cells."""


def resized_size(height: int, width: int, min_size: int | None) -> Size:
    """Return the size whose shorter side is `min_size`; the longer one is cut, not rounded."""
    if min_size is None:
        return height, width
    if height <= width:
        return min_size, int(min_size * width / height)
    return int(min_size * height / width), min_size


def padded_size(resized: Size) -> Size:
    """Return the next multiples of 16."""
    height, width = (-(-side // DIVISOR) * DIVISOR for side in resized)
    return height, width


def picture(frame: Frame, min_size: int | None) -> Frame:
    """Return a frame in the size of the network, as memory of its own.

    Raises:
        FrameError: it is not uint8 `(height, width, 3)`, too small or too large.
    """
    check_frame(frame)
    size = resized_size(frame.shape[0], frame.shape[1], min_size)
    if max(frame.shape[0] * frame.shape[1], size[0] * size[1]) > MAX_PIXELS:
        raise FrameError(f"a frame must have at most {MAX_PIXELS} pixels, resized to {size} too")
    if min(padded_size(size)) < MIN_SIDE:
        raise FrameError(
            f"a frame must have sides of at least {MIN_SIDE - DIVISOR + 1}, not {size}"
        )
    return np.array(frame, order="C") if size == frame.shape[:2] else pillow(frame, size)


def images(pictures: Sequence[Frame], device: torch.device) -> Tensor:
    """Return pictures of one size, normalised and padded: `(T, 3, *padded)` float32."""
    height, width = pictures[0].shape[:2]
    padded = torch.zeros(len(pictures), 3, *padded_size((height, width)), device=device)
    # (T, h, w, 3) -> (T, 3, h, w)
    pixels = torch.from_numpy(np.stack(pictures)).to(device).permute(0, 3, 1, 2)
    padded[..., :height, :width] = normalise(pixels)
    return padded
