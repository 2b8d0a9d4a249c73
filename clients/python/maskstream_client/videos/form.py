"""An upload as a multipart form, for servers that take no resumable ones: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""As browsers do (WHATWG HTML, multipart/form-data)."""


@dataclass(frozen=True)
class Form:
    """What goes before and after the bytes of the file.

    Attributes:
        head: options, and the head of the file's part.
        boundary: between parts; a random one occurs in no file.
    """

    head: bytes
    tail: bytes
    boundary: str

    def headers(self, num_bytes: int) -> dict[str, str]:
        """Of a request with a file of that size."""
        return {
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(len(self.head) + num_bytes + len(self.tail)),
        }


def video_form(name: str, options: Mapping[str, Any], boundary: str) -> Form:
    """The form of a video called `name`."""
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="options"\r\n'
        "Content-Type: application/json\r\n\r\n"
        f"{json.dumps(options)}\r\n"
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name.translate(_ESCAPED)}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return Form(head.encode(), f"\r\n--{boundary}--\r\n".encode(), boundary)
