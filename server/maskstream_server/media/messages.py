"""Messages from the child to its parent over the pipe: kind, length, and untrusted bytes.

AT_WORK now and then, INFO once, then FRAME (or SKIPPED) per frame, or SOUND per piece; END or
REFUSAL comes last.
"""

import json
import math
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Any, Final

from maskstream_media.refusal import MediaCode, RefusalError
from maskstream_server.media.limits import VideoLimits

HEADER: Final = struct.Struct("<BI")
"""Kind and number of bytes that follow."""
FRAME_HEAD: Final = struct.Struct("<dIIIB")
"""Time in seconds, width, height, bytes of a row, code of the orientation."""
SOUND_HEAD: Final = struct.Struct("<d")
"""Time in seconds of the first sample."""
SOUND_RATE: Final = 48_000
SOUND_CHANNELS: Final = 2
MAX_TEXT_BYTES: Final = 4096
MAX_SOUND_BYTES: Final = 1 << 22
_INT_END: Final = 1 << 31
"""FFmpeg's fractions are of 32-bit integers."""


class Kind(IntEnum):
    """What a message holds."""

    INFO = 1
    FRAME = 2
    SKIPPED = 3
    SOUND = 4
    END = 5
    REFUSAL = 6
    AT_WORK = 7


@dataclass(frozen=True)
class Task:
    """What a child is to do; travels as its argument.

    Attributes:
        sound: give the sound, not the frames.
        skip: frames that are decoded and dropped at the start.
        stride: of the frames from there on, every `stride`-th is given.
    """

    limits: VideoLimits
    sound: bool = False
    skip: int = 0
    stride: int = 1

    def encode(self) -> str:
        """JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> "Task":
        """What `encode` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "limits": VideoLimits(**fields["limits"])})


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video when its first frame has been decoded.

    Attributes:
        width, height: of every upright frame, in pixels.
        rotation: degrees, a multiple of 90 from -180 to 180, by which stored frames had to be
            turned counterclockwise to stand upright, besides being mirrored.
        rate: frames per second on average; 25 where the file does not say a credible one.
        sample_aspect: width over height of an upright frame's pixels.
        start_s: time stamp at which the file starts; times of frames count from there.
        duration_s: as the file announces it; None where it does not.
        num_frames: as the file announces it, where that can be; None elsewhere.
        has_audio: whether there is a sound stream.
        codec, container: FFmpeg's names.
    """

    width: int
    height: int
    rotation: int
    rate: Fraction
    sample_aspect: Fraction
    start_s: float
    duration_s: float | None
    num_frames: int | None
    has_audio: bool
    codec: str
    container: str

    def encode(self) -> bytes:
        """JSON; fractions as text."""
        return json.dumps(asdict(self), default=str).encode()

    @classmethod
    def decode(cls, data: bytes, limits: VideoLimits) -> "VideoInfo":
        """Raises ValueError, TypeError or KeyError for what no honest child says."""
        fields = json.loads(data)
        duration_s, num_frames = fields["duration_s"], fields["num_frames"]
        info = cls(
            width=int(fields["width"]),
            height=int(fields["height"]),
            rotation=int(fields["rotation"]),
            rate=Fraction(fields["rate"]),
            sample_aspect=Fraction(fields["sample_aspect"]),
            start_s=float(fields["start_s"]),
            duration_s=None if duration_s is None else float(duration_s),
            num_frames=None if num_frames is None else int(num_frames),
            has_audio=bool(fields["has_audio"]),
            codec=str(fields["codec"]),
            container=str(fields["container"]),
        )
        if not info._can_be(limits):
            raise ValueError(f"no video is {info}")
        return info

    def _can_be(self, limits: VideoLimits) -> bool:
        """Whether an honest child may say so."""
        fractions = (self.rate, self.sample_aspect)
        return (
            self.width > 0 < self.height
            and self.width * self.height <= limits.max_pixels
            and all(0 < each.numerator < _INT_END > each.denominator for each in fractions)
            and math.isfinite(self.start_s + (self.duration_s or 0.0))
            and (self.num_frames is None or self.num_frames > 0)
        )


def encode_refusal(refusal: RefusalError) -> bytes:
    """JSON of a code and a sentence."""
    return json.dumps([refusal.code, refusal.sentence]).encode()[:MAX_TEXT_BYTES]


def decode_refusal(data: bytes) -> RefusalError:
    """Raises ValueError for what no honest child says."""
    code, sentence = json.loads(data)
    return RefusalError(MediaCode(code), str(sentence))


def encode_end(warning: str | None) -> bytes:
    """JSON of a sentence or null."""
    return json.dumps(warning).encode()


def decode_end(data: bytes) -> str | None:
    """Raises ValueError for what no honest child says."""
    warning: Any = json.loads(data)
    if warning is not None and not isinstance(warning, str):
        raise ValueError("a warning is text")
    return warning
