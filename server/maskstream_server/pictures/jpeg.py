"""The segments of a JPEG picture (ITU T.81 annex B), read as libjpeg reads them."""

import re
import struct
from collections.abc import Iterator
from typing import Final

from maskstream_server.pictures.refusal import Inspected, UndecodableError

MAX_STRAY_BYTES: Final = 64
"""Line ends and fill bytes before the picture, as cameras that send MJPEG leave them."""
MAX_SEGMENTS: Final = 1 << 16
_SOI, _EOI, _SOS, _CUT_OFF = 0xD8, 0xD9, 0xDA, 0
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# APP0 and APP14 say what colours mean; other applications' data and comments are not decoded.
_LEFT_OUT: Final = frozenset(range(0xE1, 0xF0)) - {0xEE} | {0xFE}
# What is neither stuffed data, nor a fill byte, nor a restart: libjpeg skips all else.
_MARKER: Final = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_END: Final = b"\xff\xd9"
# Two branches, which differ from the first bit on, and no codes that do not exist.
_FILLINGS: Final = (b"\0" + bytes(range(0x55, 0xFF, 3)), bytes(range(0xAA, 0, -3)))


def inspect_jpeg(data: bytes) -> Inspected:
    """Read a picture's size and scans.

    Raises:
        UndecodableError: it is none, or has no pixels.
        struct.error, IndexError: it ends too early.
    """
    start = 0 if data[:2] == b"\xff\xd8" else data.find(b"\xff\xd8\xff", 0, MAX_STRAY_BYTES)
    if start < 0:
        raise UndecodableError("The payload does not start like a JPEG picture.")
    header, size, scans_at, num_passes, end = [data[start : start + 2]], None, None, 0, None
    for kind, begin, stop in _segments(data, start + 2):
        if kind in _FRAME_HEADERS and size is None:
            height, width = struct.unpack_from(">HH", data, begin + 5)
            size = height, width
        elif kind == _SOS:
            num_passes += data[begin + 4]
            scans_at = begin if scans_at is None else scans_at
        elif kind == _EOI:
            end = stop
        elif kind == _CUT_OFF:
            # What is left of a segment behind the pixels is not read.
            data = data[:begin]
            break
        if scans_at is None and kind not in _LEFT_OUT:
            header.append(data[begin:stop])
    if size is None or scans_at is None:
        raise UndecodableError("The JPEG picture has no frame header, or no pixels behind it.")
    if end is not None:
        whole = b"".join((*header, data[scans_at:end]))
        return Inspected(size, whole, num_passes)
    begun = b"".join((*header, data[scans_at:].rstrip(b"\xff")))
    one, other = _ends(data, scans_at)
    return Inspected(size, begun + one, num_passes, begun + other)


def _ends(data: bytes, scans_at: int) -> Iterator[bytes]:
    """Yield two ends for a picture that has none; what it lacks is read from them."""
    latest = max(data.rfind(b"\xff%c" % kind, scans_at) for kind in range(0xD0, 0xD8))
    restart = 0xD0 if latest < 0 else 0xD0 | (data[latest + 1] + 1) & 7
    for filling in _FILLINGS:
        # Behind a whole restart interval, nothing but the next restart is read.
        yield filling + b"\xff%c" % restart + filling + _END


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start and end of each segment up to the picture's end, or that of the data."""
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            return
        at = found.end()
        kind = data[at - 1]
        if kind == _EOI:
            yield kind, found.start(), at
            return
        if kind == _SOI:
            raise UndecodableError("The JPEG picture begins twice.")
        length = int.from_bytes(data[at : at + 2], "big")
        at += max(length, 2)
        yield kind if at <= len(data) else _CUT_OFF, found.start(), at
    raise UndecodableError(f"The JPEG picture has more than {MAX_SEGMENTS} segments.")
