"""Bilinear resizes as in OpenCV, without antialiasing: the preprocessing of mmdetection's models.

Differs from `preprocess.pillow`, which averages where it shrinks.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.aliases import Frame, Size

COEFFICIENT_BITS = 11
"""Fractional bits of OpenCV's fixed-point weights for bytes."""


def bilinear_floats(frame: Frame, size: Size) -> npt.NDArray[np.float32]:
    """Return `frame` as float32 `(*size, 3)`, 0 to 255, not rounded to whole numbers."""
    # (h, w, 3) -> (3, h, w)
    pixels = torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)
    resized = F.interpolate(pixels[None], size, mode="bilinear", align_corners=False)
    # (1, 3, *size) -> (*size, 3)
    values: npt.NDArray[np.float32] = resized[0].permute(1, 2, 0).numpy()
    return values


def bilinear_bytes(frame: Frame, size: Size) -> Frame:
    """Return `frame` as uint8 `(*size, 3)`, in the fixed-point arithmetic of OpenCV.

    Up to 2 of 1,000 pixels differ by 1 from OpenCV 5.0; with rounded floats, 1 of 8 would.
    """
    # OpenCV keeps some bits of the sum along rows, and drops others before the sum along columns.
    left, right = _two(torch.from_numpy(frame.astype(np.int32)), 1, size[1])
    wide = left.add_(right).bitwise_right_shift_(4)
    upper, lower = _two(wide, 0, size[0])
    mixed = upper.bitwise_right_shift_(16).add_(lower.bitwise_right_shift_(16))
    whole: Frame = mixed.add_(2).bitwise_right_shift_(2).to(torch.uint8).numpy()
    return whole


def _two(values: Tensor, axis: int, pixels: int) -> tuple[Tensor, Tensor]:
    """Return the two neighbours of each new pixel along an axis, times their weights."""
    cells = values.shape[axis]
    place = ((np.arange(pixels) + 0.5) * (cells / pixels) - 0.5).astype(np.float32)
    place = place.clip(0, cells - 1)
    first = np.floor(place)
    scale = np.float32(1 << COEFFICIENT_BITS)
    weights = np.rint((1 - (place - first)) * scale), np.rint((place - first) * scale)
    shape = (-1, 1, 1) if axis == 0 else (-1, 1)
    near, far = (torch.from_numpy(weight.astype(np.int32)).view(shape) for weight in weights)
    index = torch.from_numpy(first.astype(np.int64))
    second = (index + 1).clamp_max(cells - 1)
    return values.index_select(axis, index).mul_(near), values.index_select(axis, second).mul_(far)
