"""Responses with a file of remote storage, or with a range of it (RFC 9110 section 14)."""

import mimetypes
import re
from collections.abc import Mapping
from email.utils import formatdate

from fastapi.responses import Response, StreamingResponse

from maskstream_server.jobs.storage.remote import RemoteFile

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
ANY_TYPE = "application/octet-stream"


class BeyondError(ValueError):
    """No byte of the range is in the file."""


def wanted_range(text: str, num_bytes: int) -> range | None:
    """Return the bytes that a `Range` asks for.

    Returns:
        None where it is to be passed over: not one range of bytes.

    Raises:
        BeyondError: the file has none of them.
    """
    asked = ONE_RANGE.fullmatch(text.replace(" ", ""))
    if asked is None or not any(asked.groups()):
        return None
    first, last = (int(number) if number else None for number in asked.groups())
    if first is None:  # the last so many bytes
        wanted = range(max(0, num_bytes - (last or 0)), num_bytes)
    elif last is not None and last < first:
        return None
    else:
        wanted = range(first, num_bytes if last is None else min(last + 1, num_bytes))
    if not wanted:
        raise BeyondError(text)
    return wanted


def answer_with(file: RemoteFile, name: str, asked: Mapping[str, str]) -> Response:
    """Return an answer that streams a file to be saved, or the range of it that is asked for."""
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{name}"',
        "ETag": file.etag,
        "Last-Modified": formatdate(file.modified_s, usegmt=True),
    }
    same = asked.get("if-range") in (None, file.etag, headers["Last-Modified"])
    try:
        wanted = wanted_range(asked.get("range", ""), file.num_bytes) if same else None
    except BeyondError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.num_bytes}"})
    sent = range(file.num_bytes) if wanted is None else wanted
    headers["Content-Length"] = str(len(sent))
    if wanted is not None:
        headers["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{file.num_bytes}"
    return StreamingResponse(
        file.blocks(sent.start, sent.stop),
        200 if wanted is None else 206,
        headers,
        mimetypes.guess_type(name)[0] or ANY_TYPE,
    )
