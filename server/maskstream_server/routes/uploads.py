"""`/v1/uploads`: uploads that may break off and go on, by tus 1.0 (https://tus.io/protocols).

Core protocol with creation, creation-with-upload, expiration and termination. Of the metadata,
`filename` names the video, and `options` says what is wanted of it, unless the submission says
something else: what cannot be done is refused before it is uploaded.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Coroutine
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from maskstream_protocol.errors import WireError
from maskstream_server.http.problems import problem_of, problem_of_video
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.errors import (
    BadUploadError,
    PartTypeError,
    TusVersionError,
    VideoError,
)
from maskstream_server.jobs.intake.resumable import Announcement, ResumableUpload, ResumableUploads
from maskstream_server.jobs.intake.upload import MAX_NAME_CHARACTERS
from maskstream_server.lifecycle.service import Service
from maskstream_server.routes.entry import admission, desk_of

UPLOADS_PATH = "/v1/uploads"
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
PART_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARACTERS = 4096

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TusRoute(APIRoute):
    """Checks the version that the client speaks, and names ours in every answer."""

    def get_route_handler(self) -> Handler:
        """Return the handler, with what every answer has."""
        handle = super().get_route_handler()

        async def tus(request: Request) -> Response:
            try:
                _check_version(request)
                answer = await handle(request)
            except VideoError as error:
                answer = problem_of_video(error)
            except WireError as error:
                answer = problem_of(error)
            answer.headers["Tus-Resumable"] = VERSION
            answer.headers["Tus-Version"] = VERSION
            return answer

        return tus


def upload_routes(service: Service) -> APIRouter:
    """Return the routes of resumable uploads."""

    async def at_uploads(
        desk: Annotated[VideoApi, Depends(desk_of(service))],
    ) -> ResumableUploads:
        return desk.intake.uploads

    desk_here = Annotated[VideoApi, Depends(desk_of(service))]
    router = APIRouter(
        prefix=UPLOADS_PATH, dependencies=[Depends(admission(service))], route_class=TusRoute
    )
    uploads_here = Annotated[ResumableUploads, Depends(at_uploads)]

    @router.options("")
    async def abilities(uploads: uploads_here) -> Response:
        headers = {"Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(uploads.max_bytes)}
        return Response(status_code=204, headers=headers)

    @router.post("")
    async def create(request: Request, desk: desk_here) -> Response:
        uploads, text = desk.intake.uploads, request.headers.get("upload-metadata", "")
        metadata = read_metadata(text)
        options = metadata.get("options")
        desk.intake.read_options(options)
        await desk.check_open()
        announced = Announcement(
            length=_count(request, "Upload-Length"),
            name=metadata.get("filename", b"upload").decode(errors="replace")[:MAX_NAME_CHARACTERS],
            metadata=text,
            options=None if options is None else options.decode(),
        )
        upload = await uploads.create(announced)
        if request.headers.get("content-type") == PART_TYPE:
            upload = await uploads.append(upload.id, 0, _until_gone(request))
        place = f"{service.settings.root_path}{UPLOADS_PATH}/{upload.id}"
        headers = {"Location": place, **_progress(upload)}
        return Response(status_code=201, headers=headers)

    @router.head("/{upload}")
    async def progress(upload: str, uploads: uploads_here) -> Response:
        found = await uploads.find(upload)
        headers = {
            **_progress(found),
            "Upload-Length": str(found.announced.length),
            "Cache-Control": "no-store",
        }
        if found.announced.metadata:
            headers["Upload-Metadata"] = found.announced.metadata
        return Response(headers=headers)

    @router.patch("/{upload}")
    async def append(upload: str, request: Request, uploads: uploads_here) -> Response:
        if request.headers.get("content-type") != PART_TYPE:
            raise PartTypeError(f"A part of an upload has the content type {PART_TYPE}.")
        offset = _count(request, "Upload-Offset")
        found = await uploads.append(upload, offset, _until_gone(request))
        return Response(status_code=204, headers=_progress(found))

    @router.delete("/{upload}")
    async def remove(upload: str, uploads: uploads_here) -> Response:
        await uploads.remove(upload)
        return Response(status_code=204)

    @router.post("/{upload}", include_in_schema=False)
    async def other(upload: str, request: Request, uploads: uploads_here) -> Response:
        """Do what clients behind proxies that know neither PATCH nor DELETE ask for."""
        method = request.headers.get("x-http-method-override", "").upper()
        if method == "DELETE":
            return await remove(upload, uploads)
        if method == "PATCH":
            return await append(upload, request, uploads)
        raise BadUploadError("Parts of an upload are sent with PATCH.")

    return router


def _check_version(request: Request) -> None:
    if request.method != "OPTIONS" and request.headers.get("tus-resumable") != VERSION:
        raise TusVersionError(f"Uploads are made with tus: Tus-Resumable: {VERSION}.")


def read_metadata(text: str) -> dict[str, bytes]:
    """Read an `Upload-Metadata`: keys and values in base64, separated by commas.

    Raises:
        BadUploadError: it is none.
    """
    if len(text) > MAX_METADATA_CHARACTERS:
        raise BadUploadError(f"Upload-Metadata has more than {MAX_METADATA_CHARACTERS} characters.")
    if not text.isascii():
        raise BadUploadError("Upload-Metadata must be ASCII: keys, and values in base64.")
    pairs = (pair.strip().partition(" ") for pair in text.split(",") if pair.strip())
    try:
        return {key: base64.b64decode(value, validate=True) for key, _, value in pairs}
    except binascii.Error:
        raise BadUploadError("A value of Upload-Metadata is no base64.") from None


def _count(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise BadUploadError(f"{name} must be a number of bytes.")
    return int(text)


def _progress(upload: ResumableUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": formatdate(upload.expires_s, usegmt=True),
    }


async def _until_gone(request: Request) -> AsyncIterator[bytes]:
    """Yield what comes; a client that goes away leaves what it has sent."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        return
