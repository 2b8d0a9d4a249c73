"""The child's main task: decode, put in time, and send every wanted frame as RGB."""

from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer

from maskstream_server.media.decoding import Damage, decoded
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.messages import FRAME_HEAD, Kind, Task, VideoInfo, encode_end
from maskstream_server.media.outlet import Outlet
from maskstream_server.media.refusal import MediaCode, RefusalError
from maskstream_server.media.source import (
    VIDEO_CODECS,
    Upload,
    announced_frames,
    check_frames,
    check_size,
    choose_video,
    credible_rate,
    open_container,
)
from maskstream_server.media.timeline import Timeline

_NOTHING: Final = "No frame of the video can be decoded: it is damaged, encrypted or empty."
_MICROSECONDS: Final = 1e6


def give_frames(task: Task, file: Upload, outlet: Outlet) -> None:
    """Send INFO, then one message per frame, then END.

    Raises:
        RefusalError: the video cannot be read or is over its limits.
        MemoryError: decoding needs more than it may have.
        BrokenPipeError: the parent is gone.
    """
    limits = task.limits
    container = open_container(file, VIDEO_CODECS, limits)
    stream = choose_video(container, limits)
    damage = Damage()
    info: VideoInfo | None = None
    num_frames = 0
    for frame in decoded(container, stream, damage):
        check_frames(num_frames + 1, limits)
        check_size(frame.width, frame.height, limits)
        if info is None:
            info = _info(container, stream, frame)
            timeline = Timeline(info.start_s, float(1 / info.rate))
            outlet.send(Kind.INFO, info.encode())
        time_s = timeline.place(frame.time)
        _check_time(time_s, limits)
        if num_frames < task.skip or num_frames % task.stride:
            outlet.send(Kind.SKIPPED)
        else:
            _send(outlet, _fitted(frame, info, damage), time_s)
        num_frames += 1
    if info is None:
        raise RefusalError(MediaCode.UNREADABLE, _NOTHING)
    outlet.send(Kind.END, encode_end(damage.warning(info.num_frames, num_frames)))


def _info(container: InputContainer, stream: av.VideoStream, first: av.VideoFrame) -> VideoInfo:
    """Describe the video by its first frame, since headers may lie about the size."""
    width, height = _upright_size(first)
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    start_s = first.time or 0.0
    if container.start_time is not None:
        start_s = container.start_time / _MICROSECONDS
    return VideoInfo(
        width=width,
        height=height,
        rotation=90 * round(first.rotation / 90),
        rate=credible_rate(stream),
        sample_aspect=1 / aspect if _quarter_turns(first) % 2 else aspect,
        start_s=start_s,
        duration_s=None if container.duration is None else container.duration / _MICROSECONDS,
        num_frames=announced_frames(container, stream),
        has_audio=bool(container.streams.audio),
        codec=stream.codec_context.codec.canonical_name,
        container=container.format.name,
    )


def _quarter_turns(frame: av.VideoFrame) -> int:
    return round(frame.rotation / 90) % 4


def _upright_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Return width and height of the frame once it stands upright."""
    if _quarter_turns(frame) % 2:
        return frame.height, frame.width
    return frame.width, frame.height


def _check_time(time_s: float, limits: VideoLimits) -> None:
    if time_s > limits.max_duration_s:
        raise RefusalError(
            MediaCode.TOO_LONG,
            f"The video is longer than {limits.max_duration_s:g} seconds, the limit.",
        )


def _fitted(frame: av.VideoFrame, info: VideoInfo, damage: Damage) -> av.VideoFrame:
    """Return the frame as RGB, not yet turned, of the size that the video began with."""
    if _upright_size(frame) == (info.width, info.height):
        return frame.reformat(format="rgb24")
    damage.resized += 1
    width, height = info.width, info.height
    if _quarter_turns(frame) % 2:
        width, height = height, width
    return frame.reformat(width=width, height=height, format="rgb24")


def _send(outlet: Outlet, frame: av.VideoFrame, time_s: float) -> None:
    plane = frame.planes[0]
    row_bytes = plane.line_size
    head = FRAME_HEAD.pack(time_s, frame.width, frame.height, row_bytes, _quarter_turns(frame))
    outlet.send(Kind.FRAME, head, memoryview(plane)[: row_bytes * frame.height])
