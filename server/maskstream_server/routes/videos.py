"""`/v1/videos`: whole videos in, results and files out (design.md section 5)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from maskstream_server.access import check_key, check_origin
from maskstream_server.jobs.coding import as_told
from maskstream_server.jobs.desk import PAGE, Upload, VideoDesk
from maskstream_server.jobs.errors import VideosOffError
from maskstream_server.jobs.lines import in_pieces, read_lines
from maskstream_server.jobs.record import VideoRecord
from maskstream_server.service import Service

EVENT_POLL_S = 0.25
VIDEOS_PATH = "/v1/videos"


def video_routes(service: Service) -> APIRouter:
    """Return the routes of whole videos."""

    async def admitted(request: Request) -> None:
        check_key(request.headers, service.settings)
        check_origin(request.headers, service.settings)

    def at_desk() -> VideoDesk:
        if service.videos is None:
            raise VideosOffError("This server takes no videos: MASKSTREAM_DATA_FOLDER is not set.")
        return service.videos.desk

    async def found(video: str, desk: Annotated[VideoDesk, Depends(at_desk)]) -> VideoRecord:
        return await desk.get(video)

    router = APIRouter(prefix=VIDEOS_PATH, dependencies=[Depends(admitted)])
    desk_here = Annotated[VideoDesk, Depends(at_desk)]
    record_there = Annotated[VideoRecord, Depends(found)]

    @router.post("")
    async def submit(request: Request, desk: desk_here) -> JSONResponse:
        record = await desk.submit(_upload(request))
        headers = {"Location": f"{VIDEOS_PATH}/{record.id}"}
        return JSONResponse(as_told(record), 202, headers)

    @router.get("")
    async def videos(
        desk: desk_here,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
        before: str | None = None,
    ) -> dict[str, Any]:
        page = await desk.store.page(limit, before)
        more = page[-1].id if len(page) == limit else None
        return {"videos": [as_told(record) for record in page], "next": more}

    @router.get("/{video}")
    async def video(record: record_there) -> dict[str, Any]:
        return as_told(record)

    @router.delete("/{video}")
    async def delete(video: str, desk: desk_here) -> Response:
        record = await desk.delete(video)
        return Response(status_code=204) if record is None else JSONResponse(as_told(record))

    @router.get("/{video}/events", response_class=EventSourceResponse)
    async def events(
        record: record_there,
        desk: desk_here,
        last_event_id: Annotated[int, Header()] = 0,
    ) -> AsyncIterator[ServerSentEvent]:
        told = last_event_id
        while service.videos is not None and not service.videos.stopping:
            if record.revision > told or record.ended:
                told = record.revision
                name = "ended" if record.ended else "progress"
                yield ServerSentEvent(data=as_told(record), event=name, id=str(told))
            if record.ended:
                return
            await asyncio.sleep(EVENT_POLL_S)
            record = await desk.get(record.id)

    @router.get("/{video}/results")
    async def results(
        record: record_there, desk: desk_here, after: Annotated[int, Query(ge=-1)] = -1
    ) -> StreamingResponse:
        last = after // record.options.frame_stride
        lines = read_lines(desk.files.folder(record.id), record.parts, last)
        return StreamingResponse(in_pieces(lines), media_type="application/x-ndjson")

    @router.get("/{video}/artifacts/{name}")
    async def artifact(name: str, record: record_there, desk: desk_here) -> FileResponse:
        return FileResponse(desk.artifact(record, name), filename=name)

    return router


def _upload(request: Request) -> Upload:
    length = request.headers.get("content-length", "")
    return Upload(
        chunks=request.stream(),
        content_type=request.headers.get("content-type", ""),
        num_bytes=int(length) if length.isdecimal() else None,
        key=request.headers.get("idempotency-key"),
    )
