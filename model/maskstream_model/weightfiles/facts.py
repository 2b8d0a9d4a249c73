"""Metadata of a weight file that a server reports before the download."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from maskstream_model.errors import DownloadError
from maskstream_model.weightfiles.addresses import HubFile, shown
from maskstream_model.weightfiles.web import Web

MAX_DOCUMENT_BYTES = 16 << 20
SHA256_DIGITS = 64


@dataclass(frozen=True)
class Facts:
    """A version of a file.

    Attributes:
        address: where it is.
        size: in bytes; None: not reported.
        sha256: None: not reported.
        version: text that differs between versions of the file; empty: not reported.
    """

    address: str
    size: int | None
    sha256: str | None
    version: str


def facts_of_hub(web: Web, file: HubFile) -> Facts:
    """Request the metadata of a file on a hub.

    Raises:
        DownloadError: refused, there is no such file, or the response is invalid.
        PassingError: another attempt may succeed.
    """
    with web.open("GET", file.api) as response:
        document = _document(response, file.api)
    try:
        commit = str(document["sha"])
        (entry,) = [each for each in document["siblings"] if each["rfilename"] == file.path]
        stored = entry.get("lfs") or {}
        size, sha256 = entry.get("size"), stored.get("sha256")
        size = None if size is None else int(size)
    except ValueError:
        raise DownloadError(
            f"{file.repository} at {file.endpoint} has no {file.path} any more"
        ) from None
    except (KeyError, TypeError, AttributeError):
        raise DownloadError(f"{shown(file.api)} does not answer as a hub does") from None
    if sha256 is not None and not is_sha256(sha256):
        raise DownloadError(f"{shown(file.api)} reports an invalid SHA-256 of {file.path}")
    return Facts(file.address(commit), size, sha256, sha256 or commit)


def facts_of_address(web: Web, address: str) -> Facts:
    """Request the metadata of a file on a web server; nothing where it does not support HEAD.

    Raises:
        DownloadError: refused, or there is no such file.
        PassingError: another attempt may succeed.
    """
    with web.open("HEAD", address) as response:
        if not response.is_success:
            return Facts(address, None, None, "")
        length = response.headers.get("Content-Length", "")
        version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    return Facts(address, int(length) if length.isdecimal() else None, None, version)


def is_sha256(text: object) -> bool:
    """Return whether a text is 64 lower-case hexadecimal digits."""
    digits = "0123456789abcdef"
    return isinstance(text, str) and len(text) == SHA256_DIGITS and set(text) <= set(digits)


def _document(response: httpx.Response, address: str) -> Any:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_DOCUMENT_BYTES:
            raise DownloadError(f"{shown(address)} answers with more bytes than a hub does")
    try:
        return json.loads(content)
    except ValueError:
        raise DownloadError(f"{shown(address)} does not answer as a hub does") from None
