"""The shell of one operation on whole videos: its requests, and how often they are tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import httpx
from httpx_sse import SSEError

from maskstream_client.keys import bearer, cleaned
from maskstream_client.network import proxy_for, shown
from maskstream_client.options import RetryRules
from maskstream_client.urls import http_url
from maskstream_client.videos.answers import lost, no_maskstream, refusal
from maskstream_client.videos.patience import LostError, Patience

T = TypeVar("T")
VIDEOS_PATH: Final = "v1/videos"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
"""Idle seconds of a read or write: a server writes an upload out before it answers."""


@dataclass(frozen=True)
class Place:
    """Which server, as whom, and how long it may be away.

    Attributes:
        base: its address, with a slash at the end.
        api_key: sent as a bearer token, to this host alone.
        retry: see `RetryRules`.
        proxy: the HTTP proxy on the way there.
    """

    base: str
    api_key: str | None = field(repr=False)
    retry: RetryRules
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str, api_key: str | None, retry: RetryRules | None) -> Self:
        """Where the server of a stream or of REST routes is."""
        base = http_url(url)
        return cls(base, cleaned(api_key), retry or RetryRules(), proxy_for(base))

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
        self.patience = Patience(place.retry)
        # The environment's proxy is chosen by the place, for streams and requests alike.
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT,
            proxy=place.proxy,
            trust_env=False,
            verify=httpx.create_ssl_context(trust_env=True),
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
    ) -> AsyncIterator[httpx.Response]:
        """Make one attempt at a request; its body is read by the caller.

        Raises:
            LostError: the same may succeed later.
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
            raise lost(error, self.place.shown) from error

    async def ask(self, method: str, address: str, **request: Any) -> httpx.Response:
        """Make one attempt at a request and read its answer; see `stream`."""
        async with self.stream(method, address, **request) as response:
            await response.aread()
        return response

    async def patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat an attempt while it is lost, as long as the place's rules say.

        Raises:
            ConnectionFailedError: no server answers, or not in time.
            RefusedError: the server refuses it.
            WireError: likewise, with a code of the wire.
        """
        while True:
            try:
                value = await attempt()
            except LostError as error:
                await self.pause(error)
            else:
                self.patience.progressed()
                return value

    async def pause(self, error: LostError) -> None:
        """Wait before the next attempt; raises where there is none."""
        await asyncio.sleep(self.patience.pause_s(error, asyncio.get_running_loop().time()))

    async def read(
        self, reader: Callable[[Any], T], method: str, address: str, **request: Any
    ) -> T:
        """What a reader makes of the JSON that a request is answered with, patiently."""
        answer = await self.patiently(lambda: self.ask(method, address, **request))
        with self.reading():
            return reader(answer.json())

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What an answer is read in: one that is not Maskstream's is told as that.

        Raises:
            ConnectionFailedError: it is not.
        """
        try:
            yield
        except (ValueError, SSEError) as error:
            raise no_maskstream(self.place.shown, error) from error

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
    """One segment of a path; a strange id stays inside of it."""
    return quote(text, safe="") if text.strip(".") else "-"
