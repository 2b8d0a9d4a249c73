"""Pictures of other sizes into one size: scaled as a whole, with black bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av

from maskstream_media.colours import RgbConverter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def fitted(frame: av.VideoFrame, width: int, height: int, colours: RgbConverter) -> av.VideoFrame:
    """Return a frame as RGB of this size; one of another shape is centred on black."""
    if (frame.width, frame.height) == (width, height):
        return colours.convert(frame, width, height)
    scale = min(width / frame.width, height / frame.height)
    inner = colours.convert(
        frame,
        min(width, max(1, round(frame.width * scale))),
        min(height, max(1, round(frame.height * scale))),
    )
    return _on_black(inner, width, height)


def fitted_pixels(
    pixels: npt.NDArray[np.uint8], width: int, height: int, colours: RgbConverter
) -> npt.NDArray[np.uint8]:
    """Do the same with an RGB picture (H, W, 3); returns (height, width, 3)."""
    if pixels.shape[:2] == (height, width):
        return pixels
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    return cast("npt.NDArray[np.uint8]", fitted(frame, width, height, colours).to_ndarray())


def _on_black(inner: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    if (inner.width, inner.height) == (width, height):
        return inner
    left, top = (width - inner.width) // 2, (height - inner.height) // 2
    canvas = av.VideoFrame(width, height, "rgb24")
    plane, source = canvas.planes[0], inner.planes[0]
    plane.update(bytes(plane.buffer_size))
    target, rows, num_bytes = memoryview(plane), memoryview(source), 3 * inner.width
    for row in range(inner.height):
        start, first = (top + row) * plane.line_size + 3 * left, row * source.line_size
        target[start : start + num_bytes] = rows[first : first + num_bytes]
    return canvas
