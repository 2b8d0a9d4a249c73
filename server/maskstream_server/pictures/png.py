"""The chunks of a PNG picture (PNG specification 5.3 and 11)."""

import struct
from collections.abc import Iterator
from typing import Final

from maskstream_server.pictures.refusal import Inspected, UndecodableError

MAX_CHUNKS: Final = 1 << 16
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"\x00\x00\x00\x00IEND\xaeB\x60\x82"
# Texts, profiles and animations are not decoded, nor is transparency.
_DECODED: Final = (b"IHDR", b"PLTE", b"IDAT")
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SPARE_BYTES: Final = 1 << 16


def inspect_png(data: bytes) -> Inspected:
    """Read a picture's size.

    Raises:
        UndecodableError: it does not say, ends within a chunk, or holds far more data than pixels.
    """
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
        raise UndecodableError("The payload does not start like a PNG picture.")
    width, height, depth, colours = struct.unpack_from(">IIBB", data, 16)
    kept, num_bytes = [_SIGNATURE], 0
    for kind, begin, stop in _chunks(data):
        if kind in _DECODED:
            kept.append(data[begin:stop])
        if kind == b"IDAT":
            num_bytes += stop - begin - 12
    row_bytes = 1 + (width * depth * _SAMPLES.get(colours, 4) + 7) // 8
    # Data that cannot be compressed grows by a thousandth, and an interlaced picture has more rows.
    if num_bytes > 2 * row_bytes * height + _SPARE_BYTES:
        raise UndecodableError("The PNG picture has far more data than its pixels can need.")
    return Inspected((height, width), b"".join((*kept, _END)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of each chunk before the picture's end."""
    at = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        kind = data[at + 4 : at + 8]
        if kind in (b"IEND", b""):
            return
        stop = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if stop > len(data):
            raise UndecodableError("The payload ends within a chunk of its PNG picture.")
        yield kind, at, stop
        at = stop
    raise UndecodableError(f"The PNG picture has more than {MAX_CHUNKS} chunks.")
