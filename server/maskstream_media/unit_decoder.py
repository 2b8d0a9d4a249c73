"""Access units of a video, one after the other, to the one picture that each must show."""

from __future__ import annotations

import errno
from typing import Any, Final

import av
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from maskstream_media.colours import RgbConverter

DECODERS: Final = {"h264": "h264", "hevc": "hevc", "vp8": "vp8", "vp9": "vp9", "av1": "libdav1d"}
"""FFmpeg's names by those of the wire."""
_TOO_LARGE: Final = (errno.EINVAL, errno.ERANGE)
"""What decoders of VP8, VP9 and AV1 say of a size over `max_pixels`, without the size."""
_PADDED: Final = 2
"""FFmpeg counts rows and columns that pad a picture, which may have as many pixels itself."""
_MOST_PIXELS: Final = (1 << 31) - 1
"""The largest limit that FFmpeg takes."""
_DELIMITER: Final = b"\x12\x00"
"""Of AV1's temporal units: dav1d gives a second picture only when more data comes."""


class UnitError(ValueError):
    """A unit that does not decode to exactly one picture."""


class UnitTooLargeError(UnitError):
    """A picture over the limits.

    Attributes:
        size: height and width in pixels; 0 by 0 where only the decoder knows them.
    """

    def __init__(self, size: tuple[int, int] = (0, 0)) -> None:
        super().__init__("The picture has no pixels, or too many.")
        self.size = size


class UnitDecoder:
    """A decoder that is fed in order, and keeps no picture back.

    Args:
        max_pixels: width x height; a picture of more than twice as many is refused by its header.
        max_side_px: the longer side.
    """

    def __init__(self, max_pixels: int, max_side_px: int) -> None:
        self._max_pixels = max_pixels
        self._max_side_px = max_side_px
        self._colours = RgbConverter()
        self._num_fed = 0

    def begin(self, codec: str) -> None:
        """Forget what was decoded; the next unit is a key frame of this codec."""
        self._codec, self._begins = codec, True
        self._context = _context(codec)
        most = min(_PADDED * self._max_pixels, _MOST_PIXELS)
        self._context.options = {"max_pixels": str(most), "err_detect": "explode"}
        self._splitter = _context(codec)

    def decode(self, payload: bytes) -> av.VideoFrame:
        """Decode a unit; behind one that fails only `begin` may follow.

        Raises:
            UnitTooLargeError: over the limits.
            UnitError: broken; it shows none, several or an earlier picture; or it begins, and is
                no key frame.
            MemoryError: the decoder needs more than it may have.
        """
        self._num_fed += 1
        # FFmpeg's decoder of HEVC would leave a second picture out without a word.
        if self._codec == "hevc" and len(self._split(payload)) > 1:
            raise UnitError("The unit holds more than one picture.")
        frames = self._fed(payload)
        if self._codec == "av1":
            frames += self._fed(_DELIMITER)
        if [frame.pts for frame in frames] != [self._num_fed]:
            raise UnitError(
                f"The unit shows {len(frames)} pictures at once; it must show one, in the order in "
                "which they are sent: encode without B-frames and without delay."
            )
        return self._checked(frames[0])

    def rgb(self, frame: av.VideoFrame) -> bytes:
        """Return the rows of a picture as RGB."""
        plane = self._colours.convert(frame, frame.width, frame.height).planes[0]
        data, num_bytes = memoryview(plane), 3 * frame.width
        starts = range(0, plane.line_size * frame.height, plane.line_size)
        return b"".join(data[start : start + num_bytes] for start in starts)

    def _split(self, payload: bytes) -> list[Packet[Any]]:
        return [*self._splitter.parse(payload), *self._splitter.parse(None)]

    def _fed(self, data: bytes) -> list[av.VideoFrame]:
        packet: Packet[Any] = Packet(data)
        packet.pts = self._num_fed
        try:
            return list(self._context.decode(packet))
        except (av.FFmpegError, MemoryError) as error:
            size = self._context.height, self._context.width
            if self._is_too_large(*size):
                raise UnitTooLargeError(size) from error
            if isinstance(error, MemoryError):
                raise
            if error.errno in _TOO_LARGE:
                raise UnitTooLargeError from error
            raise UnitError(f"The unit does not decode as {self._codec.upper()}.") from error

    def _checked(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._is_too_large(frame.height, frame.width):
            raise UnitTooLargeError((frame.height, frame.width))
        if frame.is_corrupt:
            raise UnitError(f"The unit is damaged {self._codec.upper()}.")
        if self._begins and not frame.key_frame:
            raise UnitError("The unit is marked as a key frame and is none.")
        self._begins = False
        return frame

    def _is_too_large(self, height: int, width: int) -> bool:
        return height * width > self._max_pixels or max(height, width) > self._max_side_px


def _context(codec: str) -> VideoCodecContext:
    context = CodecContext.create(DECODERS[codec], "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1  # with more, pictures come later
    return context
