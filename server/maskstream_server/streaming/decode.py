"""Frames to upright RGB pictures: raw ones here, all others in processes of their own."""

from collections.abc import Awaitable, Callable

import numpy as np

from maskstream_model.aliases import Frame
from maskstream_protocol.errors import FrameTooLargeError, FrameUndecodableError
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_server.packets.decoder import PacketDecoder
from maskstream_server.pictures.pool import PicturePool, Sender
from maskstream_server.pictures.refusal import TooLargeError, UndecodableError
from maskstream_server.session.admission import check_pixels


async def decode_frame(
    frame: FrameMessage,
    pool: PicturePool,
    sender: Sender,
    packets: PacketDecoder,
    compute: Callable[..., Awaitable[Frame]],
) -> Frame:
    """Decode a frame of one of the server's codecs; units in the order of the calls.

    Returns:
        uint8 `(height, width, 3)` RGB, turned as the frame's header says; EXIF is ignored. Of a
        unit for the decoder only it has no pixels.

    Raises:
        FrameTooLargeError: more pixels than may be; nothing has been decoded.
        NeedKeyframeError: a unit that cannot be decoded from here.
        FrameUndecodableError: broken, not of its codec, declared size or orientation, or over the
            limits of work, memory and time.
    """
    if frame.orientation > 8:
        raise FrameUndecodableError(f"Orientation {frame.orientation} is not one of 0 to 8.")
    codec = FrameCodec(frame.codec)
    if codec is FrameCodec.RGB24:
        picture = _raw(frame)
    else:
        units = codec.is_packet
        work = packets.decode(frame) if units else pool.decode(codec, frame.payload, sender)
        picture = await _compressed(work, frame, pool.limits.max_pixels)
    if frame.orientation <= 1 or frame.decoder_only:
        return picture
    return await compute(upright, picture, frame.orientation)


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


async def _compressed(work: Awaitable[Frame], frame: FrameMessage, max_pixels: int) -> Frame:
    try:
        picture = await work
    except TooLargeError as error:
        check_pixels(*error.size, max_pixels)
        raise FrameTooLargeError(
            f"The picture has no pixels, or more than {max_pixels}, the limit."
        ) from error
    except UndecodableError as error:
        raise FrameUndecodableError(str(error)) from error
    height, width = picture.shape[:2]
    declared = frame.width or width, frame.height or height
    if declared != (width, height) and not frame.decoder_only:
        raise FrameUndecodableError(
            f"The picture has {width} x {height} pixels, the frame declares "
            f"{frame.width} x {frame.height}."
        )
    return picture
