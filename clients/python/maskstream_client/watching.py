"""Watching a session that another client streams: results as they are committed, no hold on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from maskstream_client.addresses import Addresses
from maskstream_client.connection import opening
from maskstream_client.connection_errors import CONNECTION_ERRORS, DONE, close_code
from maskstream_client.errors import ConnectionFailedError, SessionUnknownError
from maskstream_client.events import Event
from maskstream_client.inbox import Inbox
from maskstream_client.keys import bearer, cleaned
from maskstream_client.model_card import fetch_card
from maskstream_client.reconnecting import ReconnectPolicy
from maskstream_client.result import Result
from maskstream_client.stream_options import RetryRules
from maskstream_client.viewer_session import ViewerSession
from maskstream_protocol.errors import WireError
from maskstream_protocol.notices import ModelInfo


class Watch:
    """A viewer of one session; iterate over `results` once.

    Args:
        url: of the server, or of several that share a store, separated by commas.
        session: its name (`AsyncClient.session`, or one of `GET /v1/sessions`).
        api_key: sent as a bearer token.
        on_event: called at lost connections, resets and missed frames; None logs them.
        retry: when a lost connection is made again.

    Attributes:
        model: that serves the session; None before the server has let the viewer in.
        show_min: the score from which its tracks are worth drawing, known with the first result.
    """

    def __init__(
        self,
        url: str,
        session: str,
        *,
        api_key: str | None = None,
        on_event: Callable[[Event], None] | None = None,
        retry: RetryRules | None = None,
    ) -> None:
        self._addresses = Addresses(url)
        self._session = session
        self._api_key = cleaned(api_key)
        self._headers = bearer(api_key)
        self._inbox = Inbox(on_event)
        self._retry = retry or RetryRules()
        self._viewing = ViewerSession()
        self.model: ModelInfo | None = None
        self.show_min = 0.0

    async def results(self, *, every_frame: bool = False) -> AsyncGenerator[Result, None]:
        """The results from now on, in order, until the session ends.

        A result's `frame_index` is the frame's in the session; sizes and boxes are those of the
        mask grid, since only who streams knows the frames.

        Args:
            every_frame: frames that this viewer missed too, with an empty result that has a
                `drop_reason`: `superseded` where it was too slow, else `lost`.

        Raises:
            SessionUnknownError: there is no such session.
            WireError: the server refuses viewers.
            ConnectionFailedError: no server is there, or none came back in time.
        """
        attempts = ReconnectPolicy(self._addresses, self._retry, time.monotonic())
        while True:
            try:
                async with self._opening() as socket:
                    while (message := await _next_message(socket)) is not None:
                        await self._take(message, attempts)
                        for result in self._unread():
                            if every_frame or result.drop_reason is None:
                                yield result
                return
            except SessionUnknownError:
                if attempts.was_accepted:
                    return  # It ended while there was no connection.
                raise
            except CONNECTION_ERRORS as error:
                refused = error if isinstance(error, WireError) else None
                lost = attempts.lost(error, refused, time.monotonic())
            finally:
                self._viewing.connection_lost()
            self._inbox.put(lost, time.perf_counter())
            await asyncio.sleep(lost.delay_s)

    def _opening(self) -> connect:
        url = watch_url(self._addresses.current, self._session)
        return opening(url, self._headers, self._retry, self._addresses.proxy)

    async def _take(self, message: str | bytes, attempts: ReconnectPolicy) -> None:
        was_watching = self._viewing.watching is not None
        for event in self._viewing.receive(message):
            self._inbox.put(event, time.perf_counter())
        if was_watching:
            attempts.note_progress(time.monotonic())
        elif self._viewing.watching is not None:
            attempts.note_accepted(time.monotonic())
            self.model = self._viewing.watching.model
            await self._learn_classes(self.model.classes_url)

    def _unread(self) -> Iterator[Result]:
        return iter(self._inbox.take, None)

    async def _learn_classes(self, path: str) -> None:
        with suppress(ConnectionFailedError):
            card = await asyncio.to_thread(fetch_card, self._addresses.current, path, self._api_key)
            self._inbox.classes, self.show_min = card.classes, card.show_min


async def _next_message(socket: ClientConnection) -> str | bytes | None:
    """The next message; None where the session has ended."""
    try:
        return await socket.recv()
    except ConnectionClosed as closed:
        if close_code(closed) == DONE:
            return None
        raise


def watch_url(stream_url: str, session: str) -> str:
    """Where viewers of a session connect, for the address of its streams."""
    parts = urlsplit(stream_url)
    base = parts.path.removesuffix("/stream")
    path = f"{base}/sessions/{quote(session, safe='')}/watch"
    return urlunsplit(parts._replace(path=path))
