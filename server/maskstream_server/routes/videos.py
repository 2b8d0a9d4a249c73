"""`/v1/videos`: whole videos in, results and files out (docs/videos.md)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from maskstream_server.errors import BadUploadError
from maskstream_server.jobs.intake.intake import FormSubmission, VideoSubmission, read_submission
from maskstream_server.jobs.intake.upload import MAX_OPTIONS_BYTES
from maskstream_server.jobs.maintenance.maintenance import PAGE
from maskstream_server.jobs.records.public import (
    UnreadableVideo,
    Video,
    listed_video,
    public_json,
    public_video,
)
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.storage.lines import in_pieces
from maskstream_server.routes.bodies import SUBMISSION, BytesResponse, LineResponse, body_of
from maskstream_server.routes.ranged import answer_with
from maskstream_server.routes.video_api import TheApi, TheVideos

EVENT_POLL_S = 0.25
VIDEOS_PATH = "/v1/videos"
JSON = "application/json"


async def _record(video: str, api: TheApi) -> VideoRecord:
    return await api.get(video)


TheRecord = Annotated[VideoRecord, Depends(_record)]
"""Of the video that the path names."""
router = APIRouter(prefix=VIDEOS_PATH, tags=["videos"])


@dataclass(frozen=True)
class VideoPage:
    """Videos, newest first; `next` is the `before` of the next page, null on the last one."""

    videos: list[Video | UnreadableVideo]
    next: str | None


@router.post(
    "", status_code=202, responses={202: {"model": Video}}, openapi_extra=body_of(SUBMISSION)
)
async def submit_video(
    request: Request, api: TheApi, idempotency_key: Annotated[str | None, Header()] = None
) -> JSONResponse:
    """Take in a video: a form (`file`, `options`), or JSON with an `upload` or a `url`."""
    submission = await _submission(request)
    record = await api.submit(submission, idempotency_key, request.state.caller)
    headers = {"Location": f"{request.scope['root_path']}{VIDEOS_PATH}/{record.id}"}
    return JSONResponse(public_json(record), 202, headers)


@router.get("")
async def list_videos(
    api: TheApi,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
    before: str | None = None,
) -> VideoPage:
    """List videos, newest first; `next` is the `before` of the next page."""
    page = await api.store.page(limit, before)
    more = page[-1].id if len(page) == limit else None
    return VideoPage([listed_video(record) for record in page], more)


@router.get("/{video}")
async def get_video(record: TheRecord) -> Video:
    """Return a video: state, progress, options, files."""
    return public_video(record)


@router.delete("/{video}", responses={200: {"model": Video}, 204: {"description": "Forgotten"}})
async def delete_video(video: str, api: TheApi) -> Response:
    """Cancel a video and remove its files; of one that has ended, its record (204)."""
    record = await api.delete(video)
    return Response(status_code=204) if record is None else JSONResponse(public_json(record))


@router.get("/{video}/events", response_class=EventSourceResponse)
async def video_events(
    record: TheRecord,
    videos: TheVideos,
    last_event_id: Annotated[int, Header()] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Report each change of a video as a server-sent event, until it has ended."""
    sent = last_event_id
    while not videos.stopping:
        # Smaller than what the client has: a store that lost its last second.
        if record.revision != sent or record.ended:
            sent = record.revision
            name = "ended" if record.ended else "progress"
            yield ServerSentEvent(data=public_json(record), event=name, id=str(sent))
        if record.ended:
            return
        await asyncio.sleep(EVENT_POLL_S)
        record = await videos.api.get(record.id)


@router.get("/{video}/results", response_class=LineResponse)
async def video_results(
    record: TheRecord, api: TheApi, after: Annotated[int, Query(ge=-1)] = -1
) -> StreamingResponse:
    """Return a JSON line for each frame after `after`, as far as they are there."""
    last = after // record.options.frame_stride
    lines = await api.lines(record, last)
    return LineResponse(in_pieces(lines))


@router.head("/{video}/artifacts/{name}", include_in_schema=False)
@router.get("/{video}/artifacts/{name}", response_class=BytesResponse)
async def video_artifact(name: str, record: TheRecord, api: TheApi, request: Request) -> Response:
    """Return a file of a video; ranges are served."""
    file = await api.artifact(record, name)
    if isinstance(file, Path):
        return FileResponse(file, filename=name)
    answer = answer_with(file, name, request.headers)
    if request.method == "HEAD":
        return Response(status_code=answer.status_code, headers=dict(answer.headers))
    return answer


async def _submission(request: Request) -> VideoSubmission:
    """Return the way in that the client has chosen."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == JSON:
        return read_submission(await _small_body(request))
    length = request.headers.get("content-length", "")
    num_bytes = int(length) if length.isdecimal() else None
    return FormSubmission(request.stream(), content_type, num_bytes)


async def _small_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_OPTIONS_BYTES:
            raise BadUploadError(f"The body has more than {MAX_OPTIONS_BYTES} bytes.")
    return bytes(body)
