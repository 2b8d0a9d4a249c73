"""Questions about videos: each over one connection, unless it says that it is patient."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from httpx_sse import EventSource

from maskstream_client.errors import RefusedError
from maskstream_client.videos import tus
from maskstream_client.videos.http import Http
from maskstream_client.videos.lines import FrameLine, frame_line_from, whole_lines
from maskstream_client.videos.record import Video, id_of, video_from


def done(video: Video) -> Video:
    """The same, unless it ended without its results."""
    if (failure := video.failure()) is not None:
        raise failure
    return video


async def ask_video(http: Http, video: Video | str) -> Video:
    """A video as it is now, patiently."""
    return await http.read(video_from, "GET", http.place.video(id_of(video)))


async def known_video(http: Http, video: str | None) -> Video | None:
    """A video that was handed in before, unless the server has it no more."""
    if video is None:
        return None
    try:
        return await ask_video(http, video)
    except RefusedError as error:
        if error.status not in tus.GONE:
            raise
        return None


async def listen(
    http: Http, video: str, last: str | None
) -> AsyncGenerator[tuple[str, Video], None]:
    """Each event's id, and the video, of one connection."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    headers |= {} if last is None else {"Last-Event-ID": last}
    async with http.stream("GET", http.place.video(video, "events"), headers=headers) as answer:
        http.patience.heard()
        with http.reading():
            async for event in EventSource(answer).aiter_sse():
                if event.data:  # else it only keeps the line alive
                    http.patience.progressed()
                    yield event.id, video_from(event.json())


async def read_lines(http: Http, video: str, after: int) -> AsyncGenerator[FrameLine, None]:
    """The lines of the frames after one, as far as they are there, of one connection."""
    address, query = http.place.video(video, "results"), {"after": str(after)}
    async with http.stream("GET", address, params=query) as answer:
        with http.reading():
            async for line in whole_lines(answer.aiter_bytes()):
                http.patience.progressed()
                yield frame_line_from(line)
