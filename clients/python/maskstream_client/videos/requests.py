"""Requests about a video, each over one connection, and errors by its state."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from httpx_sse import EventSource

from maskstream_client.errors import (
    RefusedError,
    VideoCancelledError,
    VideoEndedError,
    VideoFailedError,
)
from maskstream_client.video_record import Video, id_of, video_from
from maskstream_client.videos import tus
from maskstream_client.videos.http import Http
from maskstream_client.videos.lines import FrameLine, frame_line_from, whole_lines


def require_done(video: Video) -> Video:
    """The same video.

    Raises:
        VideoEndedError: it ended without its results.
    """
    if (failure := _failure(video)) is not None:
        raise failure
    return video


def _failure(video: Video) -> VideoEndedError | None:
    match video.state:
        case "failed":
            reason = video.reason or "The server gave no reason."
            return VideoFailedError(f"{video.name} failed: {reason}", video)
        case "unreadable":
            text = f"The server cannot read its record of the video {video.id}: {video.reason}"
            return VideoFailedError(text, video)
        case "cancelled":
            return VideoCancelledError(f"{video.name} was cancelled.", video)
    return None


async def fetch_video(http: Http, video: Video | str) -> Video:
    """A video as it is now; with retries."""
    return await http.read(video_from, "GET", http.place.video(id_of(video)))


async def find_video(http: Http, video: str | None) -> Video | None:
    """A video that was submitted before, unless the server no longer has it."""
    if video is None:
        return None
    try:
        return await fetch_video(http, video)
    except RefusedError as error:
        if error.status not in tus.GONE:
            raise
        return None


async def read_events(
    http: Http, video: str, last: str | None
) -> AsyncGenerator[tuple[str, Video], None]:
    """Each event's id, and the video, of one connection."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    headers |= {} if last is None else {"Last-Event-ID": last}
    async with http.stream("GET", http.place.video(video, "events"), headers=headers) as answer:
        http.retry.note_answer()
        with http.reading():
            async for event in EventSource(answer).aiter_sse():
                if event.data:  # else it only keeps the connection alive
                    http.retry.note_progress()
                    yield event.id, video_from(event.json())


async def read_lines(http: Http, video: str, after: int) -> AsyncGenerator[FrameLine, None]:
    """The lines of the frames after one, as far as they are there, of one connection."""
    async with aclosing(read_raw_lines(http, video, after)) as lines:
        async for line in lines:
            yield frame_line_from(line)


async def read_raw_lines(http: Http, video: str, after: int) -> AsyncGenerator[bytes, None]:
    """The same as text, without their newlines."""
    address, query = http.place.video(video, "results"), {"after": str(after)}
    async with http.stream("GET", address, params=query) as answer:
        with http.reading():
            async for line in whole_lines(answer.aiter_bytes()):
                http.retry.note_progress()
                yield line
