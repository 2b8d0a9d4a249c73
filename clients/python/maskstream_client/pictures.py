"""Arrays to the payload of a frame, by Pillow, and whether a server takes it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskstream_protocol.errors import CodecUnsupportedError, FrameTooLargeError
from maskstream_protocol.fields import U16_MAX
from maskstream_protocol.frames import UNKNOWN_TIME, FrameCodec, FrameMessage
from maskstream_protocol.notices import Welcome

PictureCodec = Literal["jpeg", "png", "webp", "rgb24"]
PICTURE_CODECS: Final = ("jpeg", "png", "webp", "rgb24")
PacketCodec = Literal["h264", "hevc", "vp8", "vp9", "av1"]
PACKETS: Final = {int(codec): codec.wire_name for codec in FrameCodec if codec.is_packet}

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""


@dataclass(frozen=True)
class Picture:
    """An encoded frame that has no place in a session yet.

    Attributes:
        codec, payload: as they travel.
        height, width: of the upright picture.
        key_frame: a unit of a packet codec that builds on no other.
    """

    codec: FrameCodec
    payload: bytes
    height: int
    width: int
    key_frame: bool = False

    def to_frame(self, pts_us: int = UNKNOWN_TIME, *, last: bool = False) -> FrameMessage:
        """The message that carries it; sequence and epoch are set when it is sent."""
        return FrameMessage(
            sequence=0,
            epoch=0,
            codec=self.codec,
            payload=self.payload,
            pts_us=pts_us,
            width=self.width,
            height=self.height,
            last=last,
            key_frame=self.key_frame,
        )


def encode_picture(
    pixels: NDArray[Any], codec: PictureCodec = "jpeg", quality: int = 90
) -> Picture:
    """Encode an RGB array.

    Raises:
        ValueError: not uint8 (H, W, 3), or too large for the protocol.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(
            f"A frame is a uint8 array (H, W, 3) of RGB, not {pixels.dtype} {pixels.shape}."
        )
    height, width = pixels.shape[:2]
    if max(height, width) > U16_MAX:
        raise ValueError(f"A frame of {width}x{height} is larger than {U16_MAX} pixels.")
    return Picture(FrameCodec[codec.upper()], _payload(pixels, codec, quality), height, width)


def check_fits(picture: Picture, num_bytes: int, welcome: Welcome) -> None:
    """Refuse what the server would only drop, frame after frame.

    Raises:
        CodecUnsupportedError: a packet codec that the server does not take.
        FrameTooLargeError: more pixels or bytes than it takes.
    """
    check_codec(picture.codec, welcome)
    if picture.height * picture.width > welcome.limits.frame_pixels:
        raise FrameTooLargeError(
            f"A frame of {picture.width}x{picture.height} has more pixels than the "
            f"{welcome.limits.frame_pixels} that this server takes: send it smaller, or raise "
            "the server's MASKSTREAM_MAX_FRAME_PIXELS."
        )
    limit = min(welcome.limits.frame_bytes, welcome.credit.bytes)
    if num_bytes > limit:
        raise FrameTooLargeError(
            f"A frame of {num_bytes} bytes is over the {limit} that this server takes: send it "
            "smaller, or raise the server's MASKSTREAM_MAX_FRAME_BYTES."
        )


def check_codec(codec: FrameCodec | int, welcome: Welcome) -> None:
    """Refuse a packet codec that the server does not take.

    Raises:
        CodecUnsupportedError: it does not say that it takes it.
    """
    if codec in PACKETS and PACKETS[codec] not in welcome.codecs:
        taken = [each for each in welcome.codecs if each in PACKETS.values()]
        raise CodecUnsupportedError(
            f"This server takes no frames as {PACKETS[codec]}: "
            + (f"choose one of {', '.join(taken)}." if taken else "send them as pictures.")
        )


def _payload(pixels: Pixels, codec: PictureCodec, quality: int) -> bytes:
    if codec == "rgb24":
        return pixels.tobytes()
    buffer = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if codec == "png":
        image.save(buffer, "PNG", compress_level=1)
    elif codec == "webp":
        image.save(buffer, "WEBP", quality=quality, method=0)
    else:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
