"""One picture to RGB bytes, as a worker does it; nothing is decoded that its structure forbids."""

import io
import struct
from collections.abc import Callable
from typing import Final

from PIL import Image, ImagePalette, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from maskstream_protocol.frames import FrameCodec
from maskstream_server.pictures.jpeg import inspect_jpeg
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.png import inspect_png
from maskstream_server.pictures.refusal import Inspected, Size, TooLargeError, UndecodableError
from maskstream_server.pictures.turbo import turbo_pixels
from maskstream_server.pictures.webp import inspect_webp

MAX_PASSES: Final = 32
"""Over the largest picture; a common progressive JPEG in colour is walked over 14 times."""
_LEAST_PIXELS: Final = 1 << 16
"""A pass has a cost of its own, as that of so many pixels."""
IMPORTED: Final = (ImagePalette,)
"""Pillow would import it later, when a worker can open no more files."""

_INSPECT: Final[dict[FrameCodec, Callable[[bytes], Inspected]]] = {
    FrameCodec.JPEG: inspect_jpeg,
    FrameCodec.PNG: inspect_png,
    FrameCodec.WEBP: inspect_webp,
}
# The classes themselves: `Image.open` would try other formats, and warn of sizes in its own words.
_READERS: Final[dict[FrameCodec, Callable[[io.BytesIO], Image.Image]]] = {
    FrameCodec.JPEG: JpegImagePlugin.JpegImageFile,
    FrameCodec.PNG: PngImagePlugin.PngImageFile,
    FrameCodec.WEBP: WebPImagePlugin.WebPImageFile,
}


def inspect(codec: FrameCodec, payload: bytes, limits: PictureLimits) -> Inspected:
    """Return what is to be decoded, once its size and the work it makes are within the limits.

    Raises:
        TooLargeError: more pixels than the limits.
        UndecodableError: not of its codec, without pixels, or too much work.
    """
    try:
        picture = _INSPECT[codec](payload)
    except (struct.error, IndexError):
        raise UndecodableError(f"The payload ends within its {codec.name} header.") from None
    height, width = picture.size
    if not height or not width:
        raise UndecodableError("The picture has no pixels.")
    if max(picture.size) > limits.max_side_px or height * width > limits.max_pixels:
        raise TooLargeError(picture.size)
    work = picture.num_passes * max(height * width, _LEAST_PIXELS)
    if work > MAX_PASSES * max(limits.max_pixels, _LEAST_PIXELS):
        raise UndecodableError(
            f"The {codec.name} picture walks {picture.num_passes} times over its {width} x "
            f"{height} pixels, which is more work than a frame may be."
        )
    return picture


def decode(
    codec: FrameCodec, payload: bytes, limits: PictureLimits
) -> tuple[Size, bytes | memoryview]:
    """Decode one picture; EXIF is ignored.

    Returns:
        Height and width, and rows of RGB bytes.

    Raises:
        MemoryError: more than the process may take.
        TooLargeError, UndecodableError: see `inspect`; or broken.
    """
    picture = inspect(codec, payload, limits)
    if codec is FrameCodec.JPEG and picture.other_end is None:
        quick = turbo_pixels(picture.data, picture.size)
        if quick is not None:
            return picture.size, quick
    pixels = _pixels(codec, picture.data, picture.size)
    if picture.other_end and _pixels(codec, picture.other_end, picture.size) != pixels:
        raise UndecodableError(f"The payload ends within its {codec.name} picture.")
    return picture.size, pixels


def _pixels(codec: FrameCodec, data: bytes, size: Size) -> bytes:
    try:
        with _READERS[codec](io.BytesIO(data)) as image:
            if (image.height, image.width) == size:
                return _rgb(image)
    except MemoryError:
        raise
    except Exception as error:  # Codecs raise many kinds on hostile bytes; all mean the same.
        raise UndecodableError(f"The payload does not decode as {codec.name}.") from error
    raise UndecodableError("The picture contradicts its own header.")


def _rgb(image: Image.Image) -> bytes:
    if image.mode.startswith("I;16"):
        # Pillow would clip 16 bits of grey, not scale them: the high bytes are wanted.
        high = image.tobytes()[0 if image.mode.endswith("B") else 1 :: 2]
        image = Image.frombytes("L", image.size, high)
    # `convert` would copy a picture that is RGB already.
    return (image if image.mode == "RGB" else image.convert("RGB")).tobytes()
