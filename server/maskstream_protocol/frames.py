"""FRAME: one picture for the server, a 32-byte header and its payload (docs/protocol.md 2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from maskstream_protocol.errors import FrameHeaderError

VERSION: Final = 1
FRAME_KIND: Final = 0x01
FRAME_HEADER: Final = struct.Struct("<BBHHBBQqIHH")
UNKNOWN_TIME: Final = -1

_LAST, _KEY_FRAME, _DECODER_ONLY = 1, 2, 4


class FrameCodec(IntEnum):
    """How a frame's payload is encoded."""

    JPEG = 0
    PNG = 1
    WEBP = 2
    RGB24 = 3
    H264 = 4
    HEVC = 5
    VP8 = 6
    VP9 = 7
    AV1 = 8

    @property
    def wire_name(self) -> str:
        """Its name in `hello.codecs`."""
        return self.name.lower()

    @property
    def is_packet(self) -> bool:
        """Whether frames are the access units of a video, which are decoded one after the other."""
        return self >= FrameCodec.H264


ALL_CODECS: Final = tuple(codec.wire_name for codec in FrameCodec)
PACKET_CODECS: Final = tuple(codec.wire_name for codec in FrameCodec if codec.is_packet)
_PACKETS: Final = frozenset(codec for codec in FrameCodec if codec.is_packet)


@dataclass(frozen=True)
class FrameMessage:
    """One frame.

    Attributes:
        sequence: from 1, one more for each frame of the session.
        epoch: as the server last said.
        codec: a `FrameCodec`, or the number of one that this version does not know
            (refused later than a wrong epoch or sequence, so it is not refused here).
        pts_us: presentation time in microseconds, -1 unknown.
        width, height: before orientation; 0 is taken from the codec; required for RGB24.
        orientation: EXIF 1 to 8, 0 means 1; the receiver judges other values.
        last: the last frame of the stream.
        key_frame: the payload starts at a key frame (packet codecs).
        decoder_only: sent again after a resume, for what follows to be decoded (packet codecs).
    """

    sequence: int
    epoch: int
    codec: int
    payload: bytes | memoryview
    pts_us: int = UNKNOWN_TIME
    width: int = 0
    height: int = 0
    orientation: int = 0
    last: bool = False
    key_frame: bool = False
    decoder_only: bool = False

    def encode(self) -> bytes:
        """The whole WebSocket message."""
        header = FRAME_HEADER.pack(
            VERSION,
            FRAME_KIND,
            FRAME_HEADER.size,
            _LAST * self.last | _KEY_FRAME * self.key_frame | _DECODER_ONLY * self.decoder_only,
            self.codec,
            self.orientation,
            self.sequence,
            self.pts_us,
            self.epoch,
            self.width,
            self.height,
        )
        return b"".join((header, self.payload))

    @property
    def is_unit(self) -> bool:
        """Whether the payload is an access unit of a packet codec."""
        return self.codec in _PACKETS

    @property
    def num_bytes(self) -> int:
        """Size of the encoded message, which is what the byte credit counts."""
        return FRAME_HEADER.size + len(self.payload)


def decode_frame(data: bytes) -> FrameMessage:
    """Take a binary message apart; the payload is a view into it.

    Raises:
        FrameHeaderError: shorter than its header, or of an unknown version or kind.
    """
    header_length = check_header(data, FRAME_KIND, FRAME_HEADER.size)
    _, _, _, flags, codec, orientation, sequence, pts_us, epoch, width, height = (
        FRAME_HEADER.unpack_from(data)
    )
    return FrameMessage(
        sequence=sequence,
        epoch=epoch,
        codec=codec,
        payload=memoryview(data)[header_length:],
        pts_us=pts_us,
        width=width,
        height=height,
        orientation=orientation,
        last=bool(flags & _LAST),
        key_frame=bool(flags & _KEY_FRAME),
        decoder_only=bool(flags & _DECODER_ONLY),
    )


def check_header(data: bytes, kind: int, smallest: int) -> int:
    """The header's length as the message itself states it.

    Raises:
        FrameHeaderError: the first bytes are not those of such a message.
    """
    if len(data) < smallest:
        raise FrameHeaderError(
            f"A binary message of {len(data)} bytes is shorter than its header of {smallest}."
        )
    version, actual_kind = data[0], data[1]
    header_length = int.from_bytes(data[2:4], "little")
    if version != VERSION:
        raise FrameHeaderError(
            f"Version {version} of binary messages is unknown, {VERSION} is not."
        )
    if actual_kind != kind:
        raise FrameHeaderError(
            f"A message of kind {actual_kind:#04x} came where {kind:#04x} belongs."
        )
    if not smallest <= header_length <= len(data):
        raise FrameHeaderError(
            f"The header says it has {header_length} bytes: less than {smallest} or more than came."
        )
    return header_length
