"""Width and height of a picture from its own first bytes, before anything is decoded.

Sources: ITU T.81 B.2.2 (JPEG frame header), PNG specification 11.2.2, RFC 9649 (WebP).
"""

import struct
from typing import Final

from maskstream_protocol.frames import FrameCodec

Size = tuple[int, int]
"""Height and width in pixels."""

MAX_HEADER_BYTES: Final = 1 << 20
"""Profiles and EXIF may come before the size; a client cannot make us search through more."""

_PNG_START: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_NOT_FRAME_HEADERS: Final = (0xC4, 0xC8, 0xCC)
_STANDALONE: Final = (0x01, *range(0xD0, 0xD8))


class NotThisCodecError(ValueError):
    """The first bytes are not those of the codec, or end before the size is told."""


def picture_size(codec: FrameCodec, data: bytes | memoryview) -> Size:
    """Return height and width as the picture claims them.

    Raises:
        NotThisCodecError: the bytes do not say.
    """
    readers = {FrameCodec.JPEG: _jpeg, FrameCodec.PNG: _png, FrameCodec.WEBP: _webp}
    try:
        return readers[codec](data[:MAX_HEADER_BYTES])
    except (struct.error, IndexError):
        raise NotThisCodecError(f"The payload ends within its {codec.name} header.") from None


def _jpeg(data: bytes | memoryview) -> Size:
    if bytes(data[:3]) != b"\xff\xd8\xff":
        raise NotThisCodecError("The payload does not start like a JPEG picture.")
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        marker, kind = data[at], data[at + 1]
        if marker != 0xFF or kind in (0xD8, 0xD9, 0xDA):
            raise NotThisCodecError("The JPEG picture has no frame header.")
        if kind in _STANDALONE:
            at += 2
            continue
        if 0xC0 <= kind <= 0xCF and kind not in _NOT_FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + max(length, 2)


def _png(data: bytes | memoryview) -> Size:
    if bytes(data[: len(_PNG_START)]) != _PNG_START:
        raise NotThisCodecError("The payload does not start like a PNG picture.")
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _webp(data: bytes | memoryview) -> Size:
    if bytes(data[:4]) != b"RIFF" or bytes(data[8:12]) != b"WEBP":
        raise NotThisCodecError("The payload does not start like a WebP picture.")
    chunk = bytes(data[12:16])
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return height, width
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    raise NotThisCodecError("The payload is no WebP picture of a known kind.")
