"""Frames to upright RGB pictures; sizes are checked in the picture's own header first."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from maskstream_model.interface import Frame
from maskstream_protocol.errors import FrameUndecodableError
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_server.session.admission import check_pixels
from maskstream_server.streaming.picture_header import NotThisCodecError, Size, picture_size

# The classes themselves: `Image.open` would try other formats, and warn of sizes in its own words.
_READERS: Final[dict[FrameCodec, Callable[[io.BytesIO], Image.Image]]] = {
    FrameCodec.JPEG: JpegImagePlugin.JpegImageFile,
    FrameCodec.PNG: PngImagePlugin.PngImageFile,
    FrameCodec.WEBP: WebPImagePlugin.WebPImageFile,
}


def decode_picture(frame: FrameMessage, max_pixels: int) -> Frame:
    """Decode a frame of one of the server's codecs; blocking, for a worker thread.

    Returns:
        uint8 `(height, width, 3)` RGB, turned as the frame's header says; EXIF is ignored.

    Raises:
        FrameTooLargeError: more pixels than `max_pixels`; nothing has been decoded.
        FrameUndecodableError: broken, or not of its codec, declared size or orientation.
    """
    codec = FrameCodec(frame.codec)
    if frame.orientation > 8:
        raise FrameUndecodableError(f"Orientation {frame.orientation} is not one of 0 to 8.")
    if codec is FrameCodec.RGB24:
        return upright(_raw(frame), frame.orientation)
    size = _claimed_size(codec, frame, max_pixels)
    return upright(_compressed(codec, frame.payload, size), frame.orientation)


def upright(picture: Frame, orientation: int) -> Frame:
    """Return the picture as EXIF `orientation` 1 to 8 says it is to be looked at; 0 means 1."""
    if orientation in (5, 6, 7, 8):
        picture = picture.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def _raw(frame: FrameMessage) -> Frame:
    expected = 3 * frame.height * frame.width
    if not expected or len(frame.payload) != expected:
        raise FrameUndecodableError(
            f"An RGB24 picture of {frame.width} x {frame.height} pixels has {expected} bytes, "
            f"the payload has {len(frame.payload)}."
        )
    return np.frombuffer(frame.payload, np.uint8).reshape(frame.height, frame.width, 3)


def _claimed_size(codec: FrameCodec, frame: FrameMessage, max_pixels: int) -> Size:
    """Return height and width from the payload's header, once they are fit and as declared."""
    try:
        height, width = picture_size(codec, frame.payload)
    except NotThisCodecError as error:
        raise FrameUndecodableError(str(error)) from None
    if not height or not width:
        raise FrameUndecodableError("The picture has no pixels.")
    check_pixels(height, width, max_pixels)
    if (frame.width or width, frame.height or height) != (width, height):
        raise FrameUndecodableError(
            f"The picture has {width} x {height} pixels, the frame declares "
            f"{frame.width} x {frame.height}."
        )
    return height, width


def _compressed(codec: FrameCodec, payload: bytes | memoryview, size: Size) -> Frame:
    try:
        with _READERS[codec](io.BytesIO(payload)) as image:
            if (image.height, image.width) != size:
                raise FrameUndecodableError("The picture contradicts its own header.")
            return _rgb(image)
    except FrameUndecodableError:
        raise
    except Exception as error:  # Decoders raise many kinds on hostile bytes; all mean the same.
        raise FrameUndecodableError(f"The payload does not decode as {codec.name}.") from error


def _rgb(image: Image.Image) -> Frame:
    if image.mode.startswith("I;16"):
        # Pillow would clip 16 bits of grey, not scale them.
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    # `convert` would copy a picture that is RGB already.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
