"""How large a video's pictures get, before the first is shown: sizes that change midway.

Only what says a picture's size is looked at, packet by packet; a key picture is decoded where it
says what none before it did. Where nothing changes that is one picture of the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

from maskstream_media.display_matrix import orientation_of
from maskstream_media.orientation import Orientation

_HEADERS: Final = {"vp8": slice(3, 10), "vp9": slice(0, 10), "png": slice(16, 24)}
"""Bytes of a key picture that have its size in them, beside little else."""
_FILTERS: Final = {
    "h264": "h264_mp4toannexb,extract_extradata",
    "hevc": "hevc_mp4toannexb,extract_extradata",
    "av1": "extract_extradata",
    "mpeg1video": "extract_extradata",
    "mpeg2video": "extract_extradata",
    "mpeg4": "extract_extradata",
    "vc1": "extract_extradata",
}
"""Filters that cut out the headers in which a stream of these codecs has its size."""
_JPEG_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Prospect:
    """What is known of a video before it is decoded.

    Attributes:
        width, height: as shown, of the largest picture by its number of pixels.
        orientation: of the first picture.
    """

    width: int
    height: int
    orientation: Orientation


def look_ahead(
    container: InputContainer,
    stream: av.VideoStream,
    *,
    max_packets: int | None = None,
    at_work: Callable[[], None] = lambda: None,
) -> Prospect | None:
    """Read a video through, without decoding more than a few of its pictures.

    Args:
        container: open; it is at its end afterwards, and to be opened anew.
        stream: of it.
        max_packets: how far to look.
        at_work: called packet by packet.

    Returns:
        None where no key picture can be decoded.

    Raises:
        MemoryError: a picture needs more than there is.
    """
    stream.discard = Discard.nonkey
    headers = _Headers(stream)
    seen: set[bytes] = set()
    prospect: Prospect | None = None
    for packet in _key_packets(container, stream, max_packets, at_work):
        header = headers.of(packet)
        if header in seen:
            continue
        seen.add(header)
        frame = _picture(stream, packet)
        if frame is not None:
            prospect = _larger(prospect, frame)
    return prospect


def _larger(known: Prospect | None, frame: av.VideoFrame) -> Prospect:
    orientation = orientation_of(frame)
    width, height = orientation.size(frame.width, frame.height)
    if known is None:
        return Prospect(width, height, orientation)
    if width * height <= known.width * known.height:
        return known
    return Prospect(width, height, known.orientation)


def _key_packets(
    container: InputContainer,
    stream: av.VideoStream,
    max_packets: int | None,
    at_work: Callable[[], None],
) -> Iterator[Packet[av.VideoStream]]:
    try:
        for packet in islice(container.demux(stream), max_packets):
            at_work()
            if packet.size and packet.is_keyframe:
                yield packet
    except MemoryError:
        raise
    except av.FFmpegError:
        return


def _picture(stream: av.VideoStream, packet: Packet[av.VideoStream]) -> av.VideoFrame | None:
    """Return what a key packet shows, taken alone."""
    try:
        frames = [*stream.decode(packet), *stream.decode(None)]
    except MemoryError:
        raise
    except av.FFmpegError:
        frames = []
    stream.codec_context.flush_buffers()
    return frames[0] if frames else None


class _Headers:
    """Cuts out of packets what says how large their pictures are."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._codec = stream.codec_context.codec.canonical_name
        self._filter: BitStreamFilterContext | None = None
        if filters := _FILTERS.get(self._codec):
            self._filter = BitStreamFilterContext(filters, stream)

    def of(self, packet: Packet[Any]) -> bytes:
        """Return the bytes that say it; the same for all packets where the container says it."""
        if packet.has_sidedata("new_extradata"):
            return bytes(packet.get_sidedata("new_extradata"))
        if self._codec == "mjpeg":
            return _jpeg_size(bytes(packet))
        if self._codec in _HEADERS:
            return bytes(packet)[_HEADERS[self._codec]]
        return b"" if self._filter is None else self._filtered(self._filter, packet)

    def _filtered(self, cutter: BitStreamFilterContext, packet: Packet[Any]) -> bytes:
        # A filter takes the packet's bytes away.
        copy: Packet[Any] = Packet(bytes(packet))
        copy.is_keyframe = True
        try:
            for piece in cutter.filter(copy):
                if piece.has_sidedata("new_extradata"):
                    return bytes(piece.get_sidedata("new_extradata"))
        except av.FFmpegError:
            cutter.flush()
        return b""


def _jpeg_size(data: bytes) -> bytes:
    """Return the segment of a JPEG that has its size; empty where none is found."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in _JPEG_SIZES:
            return data[place + 4 : place + 10]
        place += 2 + length
    return b""
