"""The first chunk of a WebP picture (RFC 9649); of an animation the first picture is decoded."""

import struct

from maskstream_server.pictures.refusal import Inspected, Size, UndecodableError


def inspect_webp(data: bytes) -> Inspected:
    """Read a picture's size.

    Raises:
        UndecodableError: it is none.
        struct.error: it ends too early.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise UndecodableError("The payload does not start like a WebP picture.")
    return Inspected(_size(data), data)


def _size(data: bytes) -> Size:
    kind = data[12:16]
    if kind == b"VP8X":
        # Two numbers of 24 bits: as one of 48.
        low, high = struct.unpack_from("<IH", data, 24)
        sides = low | high << 32
        return (sides >> 24) + 1, (sides & 0xFFFFFF) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    raise UndecodableError("The payload is no WebP picture of a known kind.")
