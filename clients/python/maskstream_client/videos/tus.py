"""tus 1.0, the protocol of resumable uploads (https://tus.io): pure headers and their readings.

tuspy would bring two more HTTP libraries, hold each chunk in memory and retry by rules of its own;
what is needed are these headers.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

UPLOADS_PATH: Final = "v1/uploads"
CHUNK_BYTES: Final = 8 << 20
"""Of one PATCH: what a server that keeps nothing of a broken one loses."""
VERSION: Final[Mapping[str, str]] = {"Tus-Resumable": "1.0.0"}
ABSENT: Final = frozenset({404, 405, 501})
"""Answers to a creation by servers without resumable uploads."""
GONE: Final = frozenset({404, 410})
"""Answers of a server that has no such upload any more."""
CONFLICT: Final = 409
"""The answer to bytes for another offset than the server is at."""


def creation_headers(name: str, num_bytes: int, options: Mapping[str, Any]) -> dict[str, str]:
    """Of the POST that makes an upload; wrong options are refused there, not after all of it."""
    metadata = {"filename": name, "options": json.dumps(options)}
    pairs = (f"{key} {b64encode(value.encode()).decode()}" for key, value in metadata.items())
    return {**VERSION, "Upload-Length": str(num_bytes), "Upload-Metadata": ",".join(pairs)}


def patch_headers(offset: int, num_bytes: int) -> dict[str, str]:
    """Of the PATCH that sends `num_bytes` from an offset."""
    return {
        **VERSION,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(num_bytes),
    }


def created_at(collection: str, headers: Mapping[str, str]) -> str:
    """The address of a new upload.

    Raises:
        ValueError: the answer names none.
    """
    address = urljoin(collection, headers.get("Location", ""))
    if address == collection or urlsplit(address).scheme not in ("http", "https"):
        raise ValueError("It named no address for an upload.")
    return address


def upload_id(address: str) -> str:
    """The id in the address of an upload: the last part of its path."""
    return unquote(urlsplit(address).path.rstrip("/").rpartition("/")[2])


def offset_of(headers: Mapping[str, str], num_bytes: int) -> int:
    """How many bytes of an upload the server has.

    Raises:
        ValueError: it does not say, or has more than there are.
    """
    text = headers.get("Upload-Offset", "")
    if not text.isdecimal() or int(text) > num_bytes:
        raise ValueError(f"Its offset of an upload of {num_bytes} bytes is {text!r}.")
    return int(text)
