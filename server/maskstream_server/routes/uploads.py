"""`/v1/uploads`: uploads that may break off and resume, by tus 1.0 (https://tus.io/protocols).

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
from maskstream_server.errors import (
    BadUploadError,
    MaskstreamServerError,
    PartTypeError,
    TusVersionError,
)
from maskstream_server.http.problems import error_response
from maskstream_server.jobs.intake.resumable import Announcement, ResumableUpload, ResumableUploads
from maskstream_server.jobs.intake.upload import MAX_NAME_CHARACTERS
from maskstream_server.routes.bodies import BINARY, body_of, headers_of
from maskstream_server.routes.video_api import TheApi

UPLOADS_PATH = "/v1/uploads"
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
PART_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARACTERS = 4096
COUNT = {"type": "integer", "minimum": 0}
TUS = {"Tus-Resumable": {"type": "string", "enum": [VERSION]}}
CREATION = TUS | {"Upload-Length": COUNT}
PART = TUS | {"Upload-Offset": COUNT}
"""Headers that requests must have, with their schemas."""

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
            except (WireError, MaskstreamServerError) as error:
                answer = error_response(error)
            answer.headers["Tus-Resumable"] = VERSION
            answer.headers["Tus-Version"] = VERSION
            return answer

        return tus


async def _uploads(api: TheApi) -> ResumableUploads:
    return api.intake.uploads


TheUploads = Annotated[ResumableUploads, Depends(_uploads)]
router = APIRouter(prefix=UPLOADS_PATH, tags=["uploads"], route_class=TusRoute)


@router.options("", status_code=204)
async def upload_abilities(uploads: TheUploads) -> Response:
    """Return the supported extensions of tus, and the largest upload."""
    headers = {"Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(uploads.max_bytes)}
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, openapi_extra=headers_of(CREATION))
async def create_upload(request: Request, api: TheApi) -> Response:
    """Begin a resumable upload (tus 1.0): `Upload-Length` announces its size."""
    uploads, text = api.intake.uploads, request.headers.get("upload-metadata", "")
    metadata = read_metadata(text)
    options = metadata.get("options")
    api.intake.read_options(options)
    await api.check_open()
    announced = Announcement(
        length=_count(request, "Upload-Length"),
        name=metadata.get("filename", b"upload").decode(errors="replace")[:MAX_NAME_CHARACTERS],
        metadata=text,
        options=None if options is None else options.decode(),
    )
    upload = await uploads.create(announced)
    if request.headers.get("content-type") == PART_TYPE:
        upload = await uploads.append(upload.id, 0, _until_gone(request))
    place = f"{request.scope['root_path']}{UPLOADS_PATH}/{upload.id}"
    headers = {"Location": place, **_progress(upload)}
    return Response(status_code=201, headers=headers)


@router.head("/{upload}", openapi_extra=headers_of(TUS))
async def upload_progress(upload: str, uploads: TheUploads) -> Response:
    """Return in `Upload-Offset` how many bytes have arrived."""
    found = await uploads.find(upload)
    headers = {
        **_progress(found),
        "Upload-Length": str(found.announced.length),
        "Cache-Control": "no-store",
    }
    if found.announced.metadata:
        headers["Upload-Metadata"] = found.announced.metadata
    return Response(headers=headers)


@router.patch(
    "/{upload}", status_code=204, openapi_extra=headers_of(PART) | body_of({PART_TYPE: BINARY})
)
async def append_upload(upload: str, request: Request, uploads: TheUploads) -> Response:
    """Append a part at `Upload-Offset`."""
    if request.headers.get("content-type") != PART_TYPE:
        raise PartTypeError(f"A part of an upload has the content type {PART_TYPE}.")
    offset = _count(request, "Upload-Offset")
    found = await uploads.append(upload, offset, _until_gone(request))
    return Response(status_code=204, headers=_progress(found))


@router.delete("/{upload}", status_code=204, openapi_extra=headers_of(TUS))
async def delete_upload(upload: str, uploads: TheUploads) -> Response:
    """Cancel an upload and remove its bytes."""
    await uploads.remove(upload)
    return Response(status_code=204)


@router.post("/{upload}", include_in_schema=False)
async def other(upload: str, request: Request, uploads: TheUploads) -> Response:
    """Handle `X-HTTP-Method-Override`, for clients behind proxies without PATCH and DELETE."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "DELETE":
        return await delete_upload(upload, uploads)
    if method == "PATCH":
        return await append_upload(upload, request, uploads)
    raise BadUploadError("Parts of an upload are sent with PATCH.")


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
