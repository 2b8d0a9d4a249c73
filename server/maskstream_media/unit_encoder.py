"""Pictures to access units of a video: each at once, none builds on a later one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from maskstream_media.colours import HD_HEIGHT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_RATE: Final = 30
_NEVER: Final = 1 << 20
"""Key frames come when they are asked for, and no others."""


@dataclass(frozen=True)
class Unit:
    """The bytes of one picture; a key frame needs no other unit."""

    payload: bytes
    key_frame: bool


@dataclass(frozen=True)
class _Encoder:
    """One of FFmpeg's encoders.

    Attributes:
        options: for a rate factor: less is better, and larger.
        factors: of the qualities 1 and 100.
        odd_sizes: whether it takes 4:2:0 pictures of odd sizes.
    """

    name: str
    options: Callable[[int], Mapping[str, str]]
    factors: tuple[int, int]
    odd_sizes: bool = True


def _x264(factor: int) -> dict[str, str]:
    own = "keyint=infinite:scenecut=0:bframes=0:repeat-headers=1"
    speed = {"preset": "veryfast", "tune": "zerolatency", "forced-idr": "1"}
    return {**speed, "crf": f"{factor}", "x264-params": own}


def _x265(factor: int) -> dict[str, str]:
    own = "keyint=-1:scenecut=0:bframes=0:repeat-headers=1:log-level=none"
    speed = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
    return {**speed, "crf": f"{factor}", "x265-params": own}


def _vpx(factor: int) -> dict[str, str]:
    speed = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
    return {**speed, "qmin": f"{factor}", "qmax": f"{factor}", "row-mt": "1"}


def _svt(factor: int) -> dict[str, str]:
    own = "pred-struct=1:lookahead=0:scd=0:rtc=1"
    return {"preset": "11", "crf": f"{factor}", "svtav1-params": own}


_ENCODERS: Final = {
    "h264": _Encoder("libx264", _x264, (51, 20), odd_sizes=False),
    "hevc": _Encoder("libx265", _x265, (51, 20), odd_sizes=False),
    "vp8": _Encoder("libvpx", _vpx, (63, 6)),
    "vp9": _Encoder("libvpx-vp9", _vpx, (63, 16)),
    "av1": _Encoder("libsvtav1", _svt, (63, 22)),
}


class UnitEncoder:
    """Encodes the pictures of one stream; after another size a new video begins.

    Args:
        codec: `h264`, `hevc`, `vp8`, `vp9` or `av1`.
        quality: 1 to 100, as of JPEG.

    Raises:
        ValueError: FFmpeg cannot encode that here.
    """

    def __init__(self, codec: str, quality: int) -> None:
        self._encoder = _ENCODERS[codec]
        low, high = self._encoder.factors
        self._factor = round(low + (high - low) * (quality - 1) / 99)
        self._context: VideoCodecContext | None = None
        self._num_encoded = 0
        # SVT-AV1 would report its settings on standard error.
        os.environ.setdefault("SVT_LOG", "1")
        if self._encoder.name not in av.codecs_available:
            raise ValueError(f"{codec} cannot be encoded here: FFmpeg has no {self._encoder.name}.")

    def encode(self, pixels: npt.NDArray[np.uint8], *, key: bool = False) -> Unit:
        """Encode a picture, RGB (H, W, 3); as a `key` frame it builds on no other.

        Raises:
            ValueError: the encoder does not take pictures of this size.
        """
        height, width = pixels.shape[:2]
        context = self._context
        if context is None or (context.height, context.width) != (height, width):
            self.close()
            context = self._context = self._opened(height, width)
            key = True
        frame = _planar(av.VideoFrame.from_ndarray(pixels, format="rgb24"), context)
        frame.pts, frame.time_base = self._num_encoded, context.time_base
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._num_encoded += 1
        (packet,) = context.encode(frame)
        return Unit(bytes(packet), packet.is_keyframe)

    def close(self) -> None:
        """End the video; there is nothing left of it."""
        if self._context is not None and self._context.is_open:
            self._context.encode(None)
        self._context = None

    def _opened(self, height: int, width: int) -> VideoCodecContext:
        encoder = self._encoder
        context = CodecContext.create(encoder.name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = width, height
        is_even = encoder.odd_sizes or not (width % 2 or height % 2)
        context.pix_fmt = "yuv420p" if is_even else "yuv444p"
        context.time_base, context.framerate = Fraction(1, _RATE), Fraction(_RATE)
        context.gop_size, context.max_b_frames = _NEVER, 0
        # Quantizers bound the encoders that want a rate, too.
        context.bit_rate = 3 * 8 * _RATE * width * height if "qmin" in encoder.options(0) else 0
        context.thread_count = 1
        context.color_range = ColorRange.MPEG
        context.colorspace = _matrix(height)
        context.options = dict(encoder.options(self._factor))
        try:
            context.open()
        except av.FFmpegError as error:
            size = f"{width}x{height}"
            raise ValueError(f"{encoder.name} does not encode pictures of {size}.") from error
        return context


def _planar(frame: av.VideoFrame, context: VideoCodecContext) -> av.VideoFrame:
    return frame.reformat(
        format=context.pix_fmt,
        dst_colorspace=_matrix(frame.height),
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )


def _matrix(height: int) -> Colorspace:
    """Return what a decoder takes where a video, as VP8 does, cannot say (`RgbConverter`)."""
    return Colorspace.ITU709 if height >= HD_HEIGHT else Colorspace.ITU601
