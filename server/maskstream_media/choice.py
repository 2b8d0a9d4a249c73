"""Which of a container's streams is shown and which is played as sound, as players choose."""

from collections.abc import Sequence
from typing import TypeVar

import av
from av.container import InputContainer
from av.stream import Discard, Disposition

from maskstream_media.refusal import MediaCode, RefusalError

AnyStream = TypeVar("AnyStream", av.VideoStream, av.AudioStream)
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
"""Covers and the pictures of chapters."""


def choose_video(container: InputContainer) -> av.VideoStream:
    """Return the video that is shown, ready to decode in one thread; the others are not read.

    Of several it is one that moves rather than a still picture, then one that is marked as
    default, then the first.

    Raises:
        RefusalError: there is none, or no decoder is known for it.
    """
    streams = [each for each in container.streams.video if not each.disposition & _NO_FILM]
    if not streams:
        raise RefusalError(MediaCode.NO_VIDEO, "The file has no video stream.")
    return _alone(container, min(streams, key=lambda each: (_is_still(each), not _marked(each))))


def choose_sound(container: InputContainer) -> av.AudioStream | None:
    """Return the sound that is played: the default one, or the first; None: there is none.

    Raises:
        RefusalError: no decoder is known for it.
    """
    streams: Sequence[av.AudioStream] = container.streams.audio
    if not streams:
        return None
    return _alone(container, min(streams, key=lambda each: not _marked(each)))


def codec_of(stream: av.VideoStream | av.AudioStream) -> str:
    """Return FFmpeg's name of the stream's codec; `unknown` where there is no decoder for it."""
    # Such a stream has no context, whatever the types say.
    context = stream.codec_context
    return context.codec.canonical_name if context else "unknown"


def _alone(container: InputContainer, chosen: AnyStream) -> AnyStream:
    """Let only this stream be read, in one thread: damage looks the same everywhere then."""
    if codec_of(chosen) == "unknown":
        raise RefusalError(MediaCode.UNREADABLE, "The codec (unknown) is not decoded here.")
    chosen.codec_context.thread_count = 1
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all
    return chosen


def _marked(stream: av.VideoStream | av.AudioStream) -> bool:
    return bool(stream.disposition & Disposition.default)


def _is_still(stream: av.VideoStream) -> bool:
    return stream.frames == 1 or bool(stream.disposition & Disposition.still_image)
