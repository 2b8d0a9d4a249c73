"""`/v1/videos`: whole videos in, results and files out (design.md section 5)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from maskstream_server.http.access import check_key
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.errors import BadUploadError
from maskstream_server.jobs.intake.intake import FormSubmission, Submission, read_submission
from maskstream_server.jobs.intake.upload import MAX_OPTIONS_BYTES
from maskstream_server.jobs.maintenance.maintenance import PAGE
from maskstream_server.jobs.records.coding import public_json
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.storage.lines import in_pieces
from maskstream_server.lifecycle.service import Service
from maskstream_server.routes.entry import admission, desk_of
from maskstream_server.routes.ranged import answer_with

EVENT_POLL_S = 0.25
VIDEOS_PATH = "/v1/videos"
JSON = "application/json"


def video_routes(service: Service) -> APIRouter:
    """Return the routes of whole videos."""
    at_desk = desk_of(service)

    async def found(video: str, desk: Annotated[VideoApi, Depends(at_desk)]) -> VideoRecord:
        return await desk.get(video)

    router = APIRouter(prefix=VIDEOS_PATH, dependencies=[Depends(admission(service))])
    desk_here = Annotated[VideoApi, Depends(at_desk)]
    record_there = Annotated[VideoRecord, Depends(found)]

    @router.post("")
    async def submit(request: Request, desk: desk_here) -> JSONResponse:
        key = request.headers.get("idempotency-key")
        caller = check_key(request.headers, service.settings)
        record = await desk.submit(await _submission(request), key, caller)
        headers = {"Location": f"{service.settings.root_path}{VIDEOS_PATH}/{record.id}"}
        return JSONResponse(public_json(record), 202, headers)

    @router.get("")
    async def videos(
        desk: desk_here,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
        before: str | None = None,
    ) -> dict[str, Any]:
        page = await desk.store.page(limit, before)
        more = page[-1].id if len(page) == limit else None
        return {"videos": [public_json(record) for record in page], "next": more}

    @router.get("/{video}")
    async def video(record: record_there) -> dict[str, Any]:
        return public_json(record)

    @router.delete("/{video}")
    async def delete(video: str, desk: desk_here) -> Response:
        record = await desk.delete(video)
        return Response(status_code=204) if record is None else JSONResponse(public_json(record))

    @router.get("/{video}/events", response_class=EventSourceResponse)
    async def events(
        record: record_there,
        desk: desk_here,
        last_event_id: Annotated[int, Header()] = 0,
    ) -> AsyncIterator[ServerSentEvent]:
        told = last_event_id
        while service.videos is not None and not service.videos.stopping:
            # Smaller than what the client has: a store that lost its last second.
            if record.revision != told or record.ended:
                told = record.revision
                name = "ended" if record.ended else "progress"
                yield ServerSentEvent(data=public_json(record), event=name, id=str(told))
            if record.ended:
                return
            await asyncio.sleep(EVENT_POLL_S)
            record = await desk.get(record.id)

    @router.get("/{video}/results")
    async def results(
        record: record_there, desk: desk_here, after: Annotated[int, Query(ge=-1)] = -1
    ) -> StreamingResponse:
        last = after // record.options.frame_stride
        lines = await desk.lines(record, last)
        return StreamingResponse(in_pieces(lines), media_type="application/x-ndjson")

    @router.head("/{video}/artifacts/{name}", include_in_schema=False)
    @router.get("/{video}/artifacts/{name}")
    async def artifact(
        name: str, record: record_there, desk: desk_here, request: Request
    ) -> Response:
        file = await desk.artifact(record, name)
        if isinstance(file, Path):
            return FileResponse(file, filename=name)
        answer = answer_with(file, name, request.headers)
        if request.method == "HEAD":
            return Response(status_code=answer.status_code, headers=dict(answer.headers))
        return answer

    return router


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
