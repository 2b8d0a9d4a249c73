"""Opens a stranger's file with PyAV: which formats, codecs and stream, what its header says."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, TypeVar

import av

# PyAV would import these two when it meets a stream; a confined process can open no file by then.
import av.subtitles.codeccontext
import av.subtitles.stream
from av.container import InputContainer
from av.stream import Discard, Disposition

from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.refusal import MediaCode, RefusalError

AnyStream = TypeVar("AnyStream", av.VideoStream, av.AudioStream)

_FORMATS: Final = ("mov", "matroska", "avi", "mpegts", "mpeg", "ogg", "flv", "gif", "ivf")
"""Demuxers that read one file and never point to another; no playlists, no picture series."""
VIDEO_CODECS: Final = (
    *("h264", "hevc", "vp8", "vp9", "av1", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4"),
    *("theora", "prores", "ffv1", "gif"),
)
SOUND_CODECS: Final = (
    *("aac", "mp3", "mp2", "opus", "vorbis", "flac", "alac", "ac3", "eac3"),
    *("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8"),
    *("pcm_alaw", "pcm_mulaw"),
)
_OTHER_NAMES: Final = ("libdav1d", "mp3float", "mp2float")
"""Of decoders that read some of these codecs."""

_NO_VIDEO_FILE: Final = (
    "The file is no video that can be read, or is cut off before its index: MP4, MOV, Matroska, "
    "WebM, AVI, MPEG-TS, MPEG-PS, Ogg, FLV, GIF and IVF are taken."
)
DEFAULT_RATE: Final = Fraction(25)
_MAX_RATE: Final = 1000


class Upload(io.FileIO):
    """The open file, without a name that a demuxer could make other names of."""

    name = ""


def open_container(file: Upload, codecs: Sequence[str], limits: VideoLimits) -> InputContainer:
    """Open the file and read its header; only decoders of `codecs` may look into it.

    Raises:
        RefusalError: no video file of a known format, or too many streams.
    """
    options = {
        "format_whitelist": ",".join(_FORMATS),
        "codec_whitelist": ",".join((*codecs, *_OTHER_NAMES)),
        "protocol_whitelist": "none",
    }
    try:
        container = av.open(file, "r", container_options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise RefusalError(MediaCode.UNREADABLE, _NO_VIDEO_FILE) from error
    if len(container.streams) > limits.max_streams:
        raise RefusalError(
            MediaCode.TOO_LARGE,
            f"The file has {len(container.streams)} streams; at most {limits.max_streams} "
            "are taken.",
        )
    return container


def choose_video(container: InputContainer, limits: VideoLimits) -> av.VideoStream:
    """Return the default video stream, or the first, ready to decode in one thread.

    Raises:
        RefusalError: there is none, it is of an unknown codec, or over the limits by its header.
    """
    streams = [each for each in container.streams.video if not _is_cover(each)]
    if not streams:
        raise RefusalError(MediaCode.NO_VIDEO, "The file has no video stream.")
    stream = _chosen(container, streams, VIDEO_CODECS)
    check_size(stream.width, stream.height, limits)
    check_frames(announced_frames(container, stream), limits)
    return stream


def choose_sound(container: InputContainer) -> av.AudioStream | None:
    """Return the default sound stream, or the first, ready to decode; None: there is none.

    Raises:
        RefusalError: it is of an unknown codec.
    """
    streams = container.streams.audio
    return _chosen(container, streams, SOUND_CODECS) if streams else None


def _chosen(
    container: InputContainer, streams: Sequence[AnyStream], codecs: Sequence[str]
) -> AnyStream:
    """Return the stream marked as default, or the first; the others are not even read."""
    marked = [each for each in streams if each.disposition & Disposition.default]
    chosen = (marked or streams)[0]
    codec = chosen.codec_context
    # A stream that no decoder is known for has no context, whatever the types say.
    name = codec.codec.canonical_name if codec else "unknown"
    if name not in codecs:
        raise RefusalError(MediaCode.UNREADABLE, f"The codec ({name}) is not decoded here.")
    codec.thread_count = 1
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all
    return chosen


def _is_cover(stream: av.VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def check_size(width: int, height: int, limits: VideoLimits) -> None:
    """Raise RefusalError for frames larger than the limits."""
    if max(width, height) > limits.max_side_px:
        allowed = f"{limits.max_side_px} pixels on a side"
    elif width * height > limits.max_pixels:
        allowed = f"{limits.max_pixels} pixels"
    else:
        return
    raise RefusalError(
        MediaCode.TOO_LARGE,
        f"The video's frames are {width}x{height}; at most {allowed} are taken.",
    )


def check_frames(num_frames: int | None, limits: VideoLimits) -> None:
    """Raise RefusalError for more frames than the limit."""
    if num_frames is not None and num_frames > limits.max_frames:
        raise RefusalError(
            MediaCode.TOO_LONG, f"The video has more than {limits.max_frames} frames, the limit."
        )


def announced_frames(container: InputContainer, stream: av.VideoStream) -> int | None:
    """Return the number of frames in the header, where the file can hold as many.

    The index of a MOV or MP4 is whole, and is taken over a larger number in the header.
    """
    announced = stream.frames
    if container.format.name.startswith("mov"):
        announced = min(announced, len(stream.index_entries))
    return announced if 0 < announced <= container.size else None


def credible_rate(stream: av.VideoStream) -> Fraction:
    """Return frames per second on average; 25 where the file says nothing that can be."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= _MAX_RATE:
            return Fraction(rate)
    return DEFAULT_RATE
