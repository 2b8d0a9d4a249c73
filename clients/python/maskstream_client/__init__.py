"""The Maskstream client: sync, async and command line; never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Unpack

from maskstream_client import events
from maskstream_client.async_client import AsyncClient
from maskstream_client.errors import (
    ConnectionFailedError,
    MaskstreamError,
    NoServerError,
    OutputError,
    RefusedError,
    SessionUnknownError,
    SourceError,
    UnreadResultsError,
    VideoCancelledError,
    VideoEndedError,
    VideoFailedError,
)
from maskstream_client.events import Event
from maskstream_client.loop_thread import iterate_blocking
from maskstream_client.model_card import ClassInfo
from maskstream_client.result import Result, TrackedObject
from maskstream_client.sources import AsyncSource, Source
from maskstream_client.stream_options import RetryRules, StreamFields, StreamOptions
from maskstream_client.sync_client import Client
from maskstream_client.watching import Watch
from maskstream_protocol.errors import (
    BadHelloError,
    BadMessageError,
    CodecUnsupportedError,
    CreditExceededError,
    ForbiddenError,
    FrameHeaderError,
    FrameTooLargeError,
    FrameUndecodableError,
    InternalError,
    MalformedResultError,
    ModelUnknownError,
    NeedKeyframeError,
    ProtocolError,
    QuotaExceededError,
    RateLimitedError,
    SequenceGapError,
    ServerFullError,
    StaleEpochError,
    StoreAwayError,
    TakenOverError,
    UnauthorizedError,
    WireError,
)
from maskstream_protocol.records import Status
from maskstream_protocol.rule_events import RuleEvent
from maskstream_protocol.rules import Rule, read_rules

__all__ = [
    "AsyncClient",
    "AsyncSource",
    "BadHelloError",
    "BadMessageError",
    "ClassInfo",
    "Client",
    "CodecUnsupportedError",
    "ConnectionFailedError",
    "CreditExceededError",
    "Event",
    "ForbiddenError",
    "FrameHeaderError",
    "FrameTooLargeError",
    "FrameUndecodableError",
    "InternalError",
    "MalformedResultError",
    "MaskstreamError",
    "ModelUnknownError",
    "NeedKeyframeError",
    "NoServerError",
    "OutputError",
    "ProtocolError",
    "QuotaExceededError",
    "RateLimitedError",
    "RefusedError",
    "Result",
    "RetryRules",
    "Rule",
    "RuleEvent",
    "SequenceGapError",
    "ServerFullError",
    "SessionUnknownError",
    "Source",
    "SourceError",
    "StaleEpochError",
    "Status",
    "StoreAwayError",
    "StreamOptions",
    "TakenOverError",
    "TrackedObject",
    "UnauthorizedError",
    "UnreadResultsError",
    "VideoCancelledError",
    "VideoEndedError",
    "VideoFailedError",
    "Watch",
    "WireError",
    "connect",
    "connect_async",
    "events",
    "read_rules",
    "watch",
]


def connect(
    url: str,
    *,
    api_key: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    **options: Unpack[StreamFields],
) -> Client:
    """Open a stream; `options` are the fields of `StreamOptions`."""
    return Client(url, StreamOptions(**options), api_key=api_key, on_event=on_event)


def connect_async(
    url: str,
    *,
    api_key: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    **options: Unpack[StreamFields],
) -> AsyncClient:
    """A stream for `async with`; `options` are the fields of `StreamOptions`."""
    return AsyncClient(url, StreamOptions(**options), api_key=api_key, on_event=on_event)


def watch(
    url: str,
    session: str,
    *,
    api_key: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    every_frame: bool = False,
) -> Iterator[Result]:
    """The results of a session that another client streams, until it ends.

    With asyncio: `async for result in Watch(url, session).results()`; it says what may be raised.
    """
    viewer = Watch(url, session, api_key=api_key, on_event=on_event)
    return iterate_blocking(lambda: viewer.results(every_frame=every_frame))
