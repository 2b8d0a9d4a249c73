"""The Maskstream client: sync, async and command line; never imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maskstream_client.async_client import AsyncClient
from maskstream_client.errors import (
    ConnectionFailedError,
    MaskstreamError,
    OutputError,
    RefusedError,
    SourceError,
    UnreadResultsError,
    VideoCancelledError,
    VideoFailedError,
)
from maskstream_client.events import Event
from maskstream_client.options import RetryRules, StreamOptions
from maskstream_client.result import Result, TrackedObject
from maskstream_client.sync_client import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ConnectionFailedError",
    "MaskstreamError",
    "OutputError",
    "RefusedError",
    "Result",
    "RetryRules",
    "SourceError",
    "StreamOptions",
    "TrackedObject",
    "UnreadResultsError",
    "VideoCancelledError",
    "VideoFailedError",
    "connect",
    "connect_async",
]


def connect(
    url: str,
    *,
    api_key: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    **options: Any,
) -> Client:
    """Open a stream; `options` are the fields of `StreamOptions`."""
    return Client(url, StreamOptions(**options), api_key=api_key, on_event=on_event)


def connect_async(
    url: str,
    *,
    api_key: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    **options: Any,
) -> AsyncClient:
    """A stream for `async with`; `options` are the fields of `StreamOptions`."""
    return AsyncClient(url, StreamOptions(**options), api_key=api_key, on_event=on_event)
