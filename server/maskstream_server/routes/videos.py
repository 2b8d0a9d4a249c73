"""`/v1/videos`: whole videos in, results and files out (design.md section 5)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from maskstream_server.errors import BadUploadError
from maskstream_server.jobs.intake.intake import FormSubmission, Submission, read_submission
from maskstream_server.jobs.intake.upload import MAX_OPTIONS_BYTES
from maskstream_server.jobs.maintenance.maintenance import PAGE
from maskstream_server.jobs.records.coding import public_json
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.storage.lines import in_pieces
from maskstream_server.routes.ranged import answer_with
from maskstream_server.routes.video_api import TheApi, TheVideos

EVENT_POLL_S = 0.25
VIDEOS_PATH = "/v1/videos"
JSON = "application/json"


async def _record(video: str, api: TheApi) -> VideoRecord:
    return await api.get(video)


TheRecord = Annotated[VideoRecord, Depends(_record)]
"""Of the video that the path names."""
router = APIRouter(prefix=VIDEOS_PATH)


@router.post("", status_code=202)
async def submit(request: Request, api: TheApi) -> JSONResponse:
    """Take in a video: a form (`file`, `options`), or JSON with an `upload` or a `url`."""
    key = request.headers.get("idempotency-key")
    record = await api.submit(await _submission(request), key, request.state.caller)
    headers = {"Location": f"{request.scope['root_path']}{VIDEOS_PATH}/{record.id}"}
    return JSONResponse(public_json(record), 202, headers)


@router.get("")
async def listing(
    api: TheApi,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
    before: str | None = None,
) -> dict[str, Any]:
    """List videos, newest first; `next` is the `before` of the next page."""
    page = await api.store.page(limit, before)
    more = page[-1].id if len(page) == limit else None
    return {"videos": [public_json(record) for record in page], "next": more}


@router.get("/{video}")
async def video(record: TheRecord) -> dict[str, Any]:
    """Return a video: state, progress, options, files."""
    return public_json(record)


@router.delete("/{video}")
async def delete(video: str, api: TheApi) -> Response:
    """Cancel a video and remove its files; of one that has ended, its record (204)."""
    record = await api.delete(video)
    return Response(status_code=204) if record is None else JSONResponse(public_json(record))


@router.get("/{video}/events", response_class=EventSourceResponse)
async def events(
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


@router.get("/{video}/results")
async def results(
    record: TheRecord, api: TheApi, after: Annotated[int, Query(ge=-1)] = -1
) -> StreamingResponse:
    """Return a JSON line for each frame after `after`, as far as they are there."""
    last = after // record.options.frame_stride
    lines = await api.lines(record, last)
    return StreamingResponse(in_pieces(lines), media_type="application/x-ndjson")


@router.head("/{video}/artifacts/{name}", include_in_schema=False)
@router.get("/{video}/artifacts/{name}")
async def artifact(name: str, record: TheRecord, api: TheApi, request: Request) -> Response:
    """Return a file of a video; ranges are served."""
    file = await api.artifact(record, name)
    if isinstance(file, Path):
        return FileResponse(file, filename=name)
    answer = answer_with(file, name, request.headers)
    if request.method == "HEAD":
        return Response(status_code=answer.status_code, headers=dict(answer.headers))
    return answer


async def _submission(request: Request) -> Submission:
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
