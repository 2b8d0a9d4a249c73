"""Memories of sessions, out of a server and into one (`/v1/sessions/{id}/state`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from maskstream_client.loop_thread import run_blocking
from maskstream_client.videos.http import Http, Place


def fetch_memory(url: str, session: str, api_key: str | None = None) -> bytes:
    """The model's memory of a session after its last committed frame, as safetensors.

    Raises:
        MaskstreamError, WireError: the server does not give it.
    """

    async def fetch() -> bytes:
        async with Http(Place.of(url, api_key, None)) as http:
            answer = await http.with_retries(lambda: http.request("GET", _address(session)))
            return answer.content

    return run_blocking(fetch())


def bring_memory(url: str, state: bytes, api_key: str | None = None) -> str:
    """Begin a session with a memory; returns the token with which a client takes it up.

    Raises:
        MaskstreamError, WireError: the server does not take it, as one of another model.
    """

    async def content() -> AsyncIterator[bytes]:
        yield state

    async def bring() -> str:
        async with Http(Place.of(url, api_key, None)) as http:
            # A name of its own for each attempt: one that was lost on the way may have been made.
            answer = await http.with_retries(
                lambda: http.request("PUT", _address(f"replay{uuid4().hex}"), content=content())
            )
            with http.reading():
                return _token(answer.json())

    return run_blocking(bring())


def _address(session: str) -> str:
    return f"v1/sessions/{quote(session, safe='')}/state"


def _token(answer: Any) -> str:
    return str(answer["resume_token"])
