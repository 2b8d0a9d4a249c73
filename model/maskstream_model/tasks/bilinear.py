"""Bilinear resizes as OpenCV makes them, without antialiasing: what mmdetection's models saw.

Differs from `preprocess.pillow`, which averages where it shrinks.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from maskstream_model.aliases import Frame, Size

COEFFICIENT_BITS = 11
"""Of OpenCV's fixed-point weights for bytes."""

Weights = npt.NDArray[np.int32]


def bilinear_floats(frame: Frame, size: Size) -> npt.NDArray[np.float32]:
    """Return `frame` as float32 `(*size, 3)`, 0 to 255, not rounded to whole numbers."""
    pixels = torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)
    resized = F.interpolate(pixels[None], size, mode="bilinear", align_corners=False)
    values: npt.NDArray[np.float32] = resized[0].permute(1, 2, 0).numpy()
    return values


def bilinear_bytes(frame: Frame, size: Size) -> Frame:
    """Return `frame` as uint8 `(*size, 3)`, in the fixed-point numbers of OpenCV.

    Of OpenCV 5.0 up to 2 pixels of 1,000 differ, by 1; rounded floats would in 1 of 8.
    """
    first, second, near, far = _axis(frame.shape[1], size[1])
    columns = frame.astype(np.int32).transpose(2, 0, 1)  # (3, height, width)
    wide = (columns[..., first] * near + columns[..., second] * far) >> 4
    first, second, near, far = _axis(frame.shape[0], size[0])
    upper = (wide[:, first] * near[:, None]) >> 16
    lower = (wide[:, second] * far[:, None]) >> 16
    return ((upper + lower + 2) >> 2).astype(np.uint8).transpose(1, 2, 0)


def _axis(cells: int, pixels: int) -> tuple[Weights, Weights, Weights, Weights]:
    """Return the two cells that each pixel lies between, `(pixels,)`, and their weights."""
    place = ((np.arange(pixels) + 0.5) * (cells / pixels) - 0.5).astype(np.float32)
    place = place.clip(0, cells - 1)
    first = np.floor(place).astype(np.int32)
    scale = np.float32(1 << COEFFICIENT_BITS)
    far = np.rint((place - first) * scale).astype(np.int32)
    near = np.rint((1 - (place - first)) * scale).astype(np.int32)
    return first, np.minimum(first + 1, cells - 1), near, far
