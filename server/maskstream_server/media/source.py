"""Opens an untrusted file: which formats and codecs are taken, and how large it may be."""

from collections.abc import Mapping

import av
from av.container import InputContainer

from maskstream_media.choice import choose_sound, choose_video, codec_of
from maskstream_media.formats import CONTAINERS, DECODERS, SOUND_CODECS, VIDEO_CODECS, listed
from maskstream_media.frames import announced_frames
from maskstream_media.opening import NamelessFile, open_container
from maskstream_media.refusal import MediaCode, RefusalError
from maskstream_server.media.limits import VideoLimits


def open_video_of(file: NamelessFile, limits: VideoLimits) -> tuple[InputContainer, av.VideoStream]:
    """Open the file from its beginning; returns it with the stream that is shown.

    Raises:
        RefusalError: no video of a known format and codec, or over the limits by its header.
    """
    container = _open(file, VIDEO_CODECS, limits)
    stream = choose_video(container)
    _check_codec(stream, VIDEO_CODECS)
    check_size(stream.width, stream.height, limits)
    check_frames(announced_frames(container, stream), limits)
    return container, stream


def open_sound_of(
    file: NamelessFile, limits: VideoLimits
) -> tuple[InputContainer, av.AudioStream | None]:
    """Open the file from its beginning; returns it with the stream that is played, if there is one.

    Raises:
        RefusalError: no file of a known format, or sound of an unknown codec.
    """
    container = _open(file, SOUND_CODECS, limits)
    stream = choose_sound(container)
    if stream is not None:
        _check_codec(stream, SOUND_CODECS)
    return container, stream


def _open(file: NamelessFile, codecs: Mapping[str, str], limits: VideoLimits) -> InputContainer:
    """Read the header; only decoders of `codecs` may look into the file."""
    options = {
        "format_whitelist": ",".join(CONTAINERS),
        "codec_whitelist": ",".join((*codecs, *DECODERS)),
    }
    container = open_container(file, options)
    if len(container.streams) > limits.max_streams:
        raise RefusalError(
            MediaCode.TOO_LARGE,
            f"The file has {len(container.streams)} streams; at most {limits.max_streams} "
            "are taken.",
        )
    return container


def _check_codec(stream: av.VideoStream | av.AudioStream, codecs: Mapping[str, str]) -> None:
    name = codec_of(stream)
    if name not in codecs:
        raise RefusalError(
            MediaCode.UNREADABLE,
            f"The codec ({name}) is not decoded here: {listed(codecs)} are.",
        )


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
