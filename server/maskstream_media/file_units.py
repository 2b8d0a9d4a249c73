"""The units of a video that a live stream can carry as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from maskstream_media.unit_decoder import DECODERS, UnitDecoder, UnitError
from maskstream_media.unit_encoder import Unit

_ANNEX_B: Final = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
_ANY_SIZE: Final = 1 << 30


class FileUnits:
    """Says of each packet whether a server will decode it to the same picture.

    That is tried: the units of a video with B-frames, without parameter sets or with damage do not
    pass, and none does behind one that does not, up to a key frame.

    Args:
        stream: of the file.
        codec: that of the live stream; others do not pass.
    """

    def __init__(self, stream: av.VideoStream, codec: str) -> None:
        name = stream.codec_context.name
        self._codec = codec if name in (codec, DECODERS[codec]) else None
        self._decoder = UnitDecoder(_ANY_SIZE, _ANY_SIZE)
        self._continues = False
        self._cutter: BitStreamFilterContext | None = None
        if self._codec in _ANNEX_B:
            self._cutter = BitStreamFilterContext(_ANNEX_B[self._codec], stream)

    def of(self, packet: Packet[Any], frames: Sequence[av.VideoFrame]) -> Unit | None:
        """Return the packet's unit; None: it cannot be passed on, or shows no frame of its own."""
        continues, self._continues = self._continues, False
        shows_itself = len(frames) == 1 and frames[0].pts == packet.pts
        if self._codec is None or not shows_itself or not (continues or packet.is_keyframe):
            return None
        payload = self._payload(packet)
        try:
            if not continues:
                self._decoder.begin(self._codec)
            self._decoder.decode(payload)
        except (UnitError, MemoryError):
            return None
        self._continues = True
        return Unit(payload, packet.is_keyframe)

    def _payload(self, packet: Packet[Any]) -> bytes:
        data = bytes(packet)
        if self._cutter is None:
            return data
        copy: Packet[Any] = Packet(data)  # a filter takes the packet's bytes away
        copy.is_keyframe = packet.is_keyframe
        try:
            return b"".join(map(bytes, self._cutter.filter(copy)))
        except av.FFmpegError:
            return b""
