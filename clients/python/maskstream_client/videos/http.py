"""The HTTP requests of one operation on whole videos, with their retries."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import httpx
from httpx_sse import SSEError

from maskstream_client.keys import bearer, cleaned
from maskstream_client.network import proxy_for, shown
from maskstream_client.stream_options import RetryRules
from maskstream_client.urls import http_url
from maskstream_client.videos.http_errors import connection_failure, not_maskstream, refusal
from maskstream_client.videos.retrying import RetryPolicy, TransientError

T = TypeVar("T")
Response = httpx.Response
VIDEOS_PATH: Final = "v1/videos"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
"""Idle seconds of a read or write: a server writes an upload out before it answers."""


@dataclass(frozen=True)
class Place:
    """A server, its key, and the retry policy of requests to it.

    Attributes:
        base: its address, with a slash at the end.
        api_key: sent as a bearer token, to this host alone.
        retry: see `RetryRules`.
        proxy: the HTTP proxy on the way there.
        trust: certificates, which take 30 ms of a core to read.
    """

    base: str
    api_key: str | None = field(repr=False)
    retry: RetryRules
    proxy: str | None = field(repr=False)
    trust: ssl.SSLContext = field(repr=False)

    @classmethod
    def of(cls, url: str, api_key: str | None, retry: RetryRules | None) -> Self:
        """Where the server of a stream or of REST routes is."""
        base = http_url(url)
        trust = httpx.create_ssl_context(trust_env=True)
        return cls(base, cleaned(api_key), retry or RetryRules(), proxy_for(base), trust)

    @property
    def shown(self) -> str:
        """The address for messages."""
        return shown(self.base.rstrip("/"), self.proxy)

    def video(self, video: str, *more: str) -> str:
        """The address of a video, or of something of it."""
        return urljoin(self.base, "/".join((VIDEOS_PATH, *(_segment(it) for it in (video, *more)))))


class Http:
    """Requests to one place; use it as a context manager."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.retry = RetryPolicy(place.retry)
        # `network.proxy_for` has read the environment, for streams and requests alike.
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT, proxy=place.proxy, trust_env=False, verify=place.trust
        )

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
        json: Any = None,
    ) -> AsyncIterator[Response]:
        """Make one attempt at a request; its body is read by the caller.

        Raises:
            TransientError: the same may succeed later.
            RefusedError: the server refuses it.
            WireError: likewise, with a code of the wire.
        """
        url = urljoin(self.place.base, address)
        sent = self._key_for(url) | dict(headers or {})
        try:
            async with self._client.stream(
                method, url, headers=sent, params=params, content=content, json=json
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise refusal(response, self.place.proxy)
                yield response
        except httpx.TransportError as error:
            raise connection_failure(error, self.place.shown) from error

    async def request(self, method: str, address: str, **arguments: Any) -> Response:
        """Make one attempt at a request and read the response; see `stream`."""
        async with self.stream(method, address, **arguments) as response:
            await response.aread()
        return response

    async def with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat an attempt while it fails with a `TransientError`, by the policy.

        Raises:
            ConnectionFailedError: no server answers, or not in time.
            RefusedError: the server refuses it.
            WireError: likewise, with a code of the wire.
        """
        while True:
            try:
                value = await attempt()
            except TransientError as error:
                await self.wait_to_retry(error)
            else:
                self.retry.note_progress()
                return value

    async def wait_to_retry(self, error: TransientError) -> None:
        """Wait before the next attempt; raises where there is none."""
        await asyncio.sleep(self.retry.delay_s(error, asyncio.get_running_loop().time()))

    async def read(
        self, reader: Callable[[Any], T], method: str, address: str, **arguments: Any
    ) -> T:
        """Return the JSON of the response as parsed by `reader`; with retries."""
        answer = await self.with_retries(lambda: self.request(method, address, **arguments))
        with self.reading():
            return reader(answer.json())

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A context in which to read a response.

        Raises:
            ConnectionFailedError: the response is not that of a Maskstream server.
        """
        try:
            yield
        except (ValueError, SSEError) as error:
            raise not_maskstream(self.place.shown, error) from error

    def _key_for(self, url: str) -> dict[str, str]:
        here, there = urlsplit(self.place.base), urlsplit(url)
        is_here = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        return bearer(self.place.api_key) if is_here else {}

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()


def _segment(text: str) -> str:
    """Quote an id as one segment of a path."""
    return quote(text, safe="") if text.strip(".") else "-"
