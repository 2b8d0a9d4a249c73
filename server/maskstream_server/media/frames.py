"""The child's main task: decode, put in time, and send every wanted frame as RGB."""

from typing import Final

import av
from av.container import InputContainer

from maskstream_media.choice import codec_of
from maskstream_media.decoding import Damage
from maskstream_media.frames import (
    ShownFrame,
    announced_frames,
    announced_packets,
    credible_rate,
    shown_aspect,
    shown_frames,
    start_of,
)
from maskstream_media.lookahead import Prospect, look_ahead
from maskstream_media.opening import NamelessFile
from maskstream_media.refusal import MediaCode, RefusalError
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.messages import (
    FRAME_HEAD,
    ChildTask,
    MessageKind,
    SourceInfo,
    encode_end,
)
from maskstream_server.media.outlet import Outlet
from maskstream_server.media.source import check_frames, check_size, open_video_of

_NOTHING: Final = "No frame of the video can be decoded: it is damaged, encrypted or empty."
_MICROSECONDS: Final = 1e6


def give_frames(task: ChildTask, file: NamelessFile, outlet: Outlet) -> None:
    """Send INFO, then one message per frame, then END.

    Raises:
        RefusalError: the video cannot be read or is over its limits.
        MemoryError: decoding needs more than it may have.
        BrokenPipeError: the parent is gone.
    """
    limits = task.limits
    prospect = _look_ahead(file, limits, outlet)
    container, stream = open_video_of(file, limits)
    announced = announced_packets(container, stream)
    damage, num_frames = Damage(), 0
    size = None if prospect is None else (prospect.width, prospect.height)
    for frame in shown_frames(container, stream, damage, size):
        check_frames(num_frames + 1, limits)
        check_size(frame.decoded.width, frame.decoded.height, limits)
        if num_frames == 0:
            outlet.send(MessageKind.INFO, _info(container, stream, frame).encode())
        _check_time(frame.time_s, limits)
        if num_frames < task.skip or num_frames % task.stride:
            outlet.send(MessageKind.SKIPPED)
        else:
            _send(outlet, frame)
        num_frames += 1
    if num_frames == 0:
        raise RefusalError(MediaCode.UNREADABLE, _NOTHING)
    outlet.send(MessageKind.END, encode_end(damage.warning(announced, num_frames)))


def _look_ahead(file: NamelessFile, limits: VideoLimits, outlet: Outlet) -> Prospect | None:
    """Look how large the frames get; they must be within the limits."""
    container, stream = open_video_of(file, limits)
    prospect = look_ahead(container, stream, at_work=outlet.stay_in_touch)
    container.close()
    if prospect is not None:
        check_size(prospect.width, prospect.height, limits)
    return prospect


def _info(container: InputContainer, stream: av.VideoStream, first: ShownFrame) -> SourceInfo:
    """Describe the video by its frames, since headers may be wrong about the size."""
    width, height = first.size
    start_s = start_of(container)
    return SourceInfo(
        width=width,
        height=height,
        rotation=90 * round(first.decoded.rotation / 90),
        rate=credible_rate(stream),
        sample_aspect=shown_aspect(stream, first.orientation),
        start_s=(first.decoded.time or 0.0) if start_s is None else start_s,
        duration_s=None if container.duration is None else container.duration / _MICROSECONDS,
        num_frames=announced_frames(container, stream),
        has_audio=bool(container.streams.audio),
        codec=codec_of(stream),
        container=container.format.name,
    )


def _check_time(time_s: float, limits: VideoLimits) -> None:
    if time_s > limits.max_duration_s:
        raise RefusalError(
            MediaCode.TOO_LONG,
            f"The video is longer than {limits.max_duration_s:g} seconds, the limit.",
        )


def _send(outlet: Outlet, frame: ShownFrame) -> None:
    """Send a picture as it is stored; the parent turns it."""
    picture = frame.stored()
    plane = picture.planes[0]
    row_bytes, code = plane.line_size, frame.orientation.code
    head = FRAME_HEAD.pack(frame.time_s, picture.width, picture.height, row_bytes, code)
    outlet.send(MessageKind.FRAME, head, memoryview(plane)[: row_bytes * picture.height])
