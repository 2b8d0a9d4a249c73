"""From pictures to the segmenter's input (docs/model.md 1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from maskstream_model.aliases import MAX_PIXELS, Frame, Size
from maskstream_model.config import Rules
from maskstream_model.constants import kept
from maskstream_model.errors import FrameError
from maskstream_model.frame_by_frame import check_frame
from maskstream_model.transfers import upload

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
DIVISOR = 32
"""Of padded heights and widths: the coarsest stride of the backbones."""
MAX_WIDTHS = 16
"""Widths of frames whose constants are remembered at once."""

Resize = Callable[[Frame, Size], npt.NDArray[Any]]
"""From a frame to one of `(height, width)`, uint8 or float32 in 0 to 255, in memory of its own."""


@dataclass(frozen=True)
class PreparedFrames:
    """A batch as the segmenter takes it.

    Attributes:
        images: `(B, 3, *padded)` float32, normalised, zeros right of and below each frame; in
            channels-last memory.
        resized: `(height, width)` of each frame without padding.
        padded: `(height, width)` of all.
    """

    images: Tensor
    resized: tuple[tuple[int, int], ...]
    padded: tuple[int, int]


def resized_size(height: int, width: int, min_size: int | None, max_size: int) -> tuple[int, int]:
    """Return the size whose shorter side is `min_size`, or less where the longer one is too long.

    Args:
        height: of the frame, in pixels.
        width: of the frame, in pixels.
        min_size: wanted shorter side; None keeps the frame's own size.
        max_size: limit of the longer side.
    """
    if min_size is None:
        return height, width
    scale = min_size / min(height, width)
    # The shorter side is exact, so that rounding cannot move it.
    wide = height < width
    sides = (float(min_size), scale * width) if wide else (scale * height, float(min_size))
    if max(sides) > max_size:
        shrink = max_size / max(sides)
        sides = (sides[0] * shrink, sides[1] * shrink)
    return max(1, int(sides[0] + 0.5)), max(1, int(sides[1] + 0.5))


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Return the next multiples of 32 of a resized size."""
    return -(-height // DIVISOR) * DIVISOR, -(-width // DIVISOR) * DIVISOR


def normalise(images: Tensor) -> Tensor:
    """Return `(images - mean) / std` as float32, in channels-last memory.

    Args:
        images: `(..., 3, height, width)`, 0 to 255; nothing is copied where it is channels-last.
    """
    # (..., 3, h, w) -> (..., h, w, 3) -> (..., h, w * 3): broadcasting along three is slow
    rows = images.movedim(-3, -1).flatten(-2)
    mean, std = _colours(images.shape[-1], images.device)
    normalised = (rows.float() - mean) / std
    return normalised.view(*rows.shape[:-1], -1, 3).movedim(-1, -3)


def _make_colours(width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of a row of pixels, `(width * 3,)` each."""
    mean, std = (torch.tensor(colour).repeat(width) for colour in (MEAN, STD))
    return upload(mean, device), upload(std, device)


_colours = kept(_make_colours, MAX_WIDTHS)


def prepare(
    frames: Sequence[Frame],
    online: Rules,
    device: torch.device | str = "cpu",
    resize: Resize | None = None,
) -> PreparedFrames:
    """Resize, normalise and pad frames of one padded size.

    Args:
        frames: at least one.
        online: rules of size.
        device: of the result.
        resize: function that resizes a frame; None for `pillow`.

    Raises:
        FrameError: a frame is not uint8 `(height, width, 3)`, or has more than `MAX_PIXELS`; there
            are no frames, or their padded sizes differ.
    """
    if not frames:
        raise FrameError("a batch must have at least one frame")
    for frame in frames:
        check_frame(frame)
        _check_pixels(frame.shape[0], frame.shape[1])
    pictures = [_resized(frame, online, resize or pillow) for frame in frames]
    resized = tuple((picture.shape[0], picture.shape[1]) for picture in pictures)
    sizes = {padded_size(*size) for size in resized}
    if len(sizes) != 1:
        raise FrameError(f"frames of one batch must have one padded size, not {sorted(sizes)}")
    padded = sizes.pop()
    images = torch.zeros(len(frames), *padded, 3, device=device).movedim(-1, 1)
    for image, picture, (height, width) in zip(images, pictures, resized, strict=True):
        pixels = upload(torch.from_numpy(picture), images.device)
        image[:, :height, :width] = normalise(pixels.permute(2, 0, 1))  # (h, w, 3) -> (3, h, w)
    return PreparedFrames(images, resized, padded)


def _check_pixels(height: int, width: int) -> None:
    if height * width > MAX_PIXELS:
        raise FrameError(f"a frame must have at most {MAX_PIXELS} pixels, not {height} x {width}")


def _resized(frame: Frame, online: Rules, resize: Resize) -> npt.NDArray[Any]:
    size = resized_size(frame.shape[0], frame.shape[1], online.min_size, online.max_size)
    _check_pixels(*size)
    # A copy: torch refuses read-only memory, and a frame may come straight from a decoder.
    return np.array(frame, order="C") if size == frame.shape[:2] else resize(frame, size)


def pillow(frame: Frame, size: Size) -> Frame:
    """Resize bytes bilinearly, with antialiasing where it shrinks (decision 3)."""
    picture = Image.fromarray(np.ascontiguousarray(frame))
    return np.array(picture.resize(size[::-1], Image.Resampling.BILINEAR))
