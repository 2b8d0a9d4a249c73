"""`GET /v1/sessions/{id}/events`: what a session's rules find, as server-sent events.

They are read from the store as results are committed, as viewers read results.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from maskstream_protocol.errors import ForbiddenError, ServerFullError
from maskstream_protocol.results import decode_result
from maskstream_server.errors import RETRY_AFTER_MS, StoreForbiddenError, UnknownSessionError
from maskstream_server.events.found import FoundEvent
from maskstream_server.routes.watch import RIGHT_MISSING
from maskstream_server.stores.interface import KeptResult, ResultSubscription
from maskstream_server.stores.tokens import is_name
from maskstream_server.streaming.ports import SessionPorts

POLL_S: Final = 1.0
"""How soon a connection notes that the server stops."""
MAX_WAITING: Final = 1000
"""Events that wait for one reader; who falls further behind is cut off, and asks again."""


def session_event_routes(service: SessionPorts) -> APIRouter:
    """Return the route of events."""
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
    followers: set[Follower] = set()

    async def follower(
        session: str, last_event_id: Annotated[int, Header()] = -1
    ) -> AsyncIterator[Follower]:
        """Give what follows a session, for as long as the answer lasts."""
        if len(followers) >= service.settings.max_viewers:
            raise ServerFullError("No more viewers now.", retry_after_ms=RETRY_AFTER_MS)
        if not is_name(session):
            raise UnknownSessionError(session)
        one = Follower(service, session)
        followers.add(one)
        try:
            await one.begin(last_event_id)
            yield one
        finally:
            followers.discard(one)
            await one.end()

    @router.get("/{session}/events", response_class=EventSourceResponse)
    async def session_events(
        following: Annotated[Follower, Depends(follower)],
    ) -> AsyncIterator[ServerSentEvent]:
        """Report each event of a session as a server-sent event, until it ends.

        After a `Last-Event-ID` come those that the store still keeps with the latest results, too.
        """
        async for found in following.events():
            message = found.to_json(following.session)
            yield ServerSentEvent(data=message, event=found.event.type, id=str(found.sequence))

    return router


class Follower:
    """One reader of one session's events: `begin`, `events`, `end`."""

    def __init__(self, service: SessionPorts, session: str) -> None:
        self.session = session
        self._service = service
        self._waiting: deque[FoundEvent] = deque()
        self._news = asyncio.Event()
        self._last, self._ended = 0, False
        self._watch: ResultSubscription | None = None

    async def begin(self, last_sequence: int) -> None:
        """Listen from now on; 0 or more: and repeat what is kept after that frame.

        Raises:
            UnknownSessionError: there is no such session.
            ForbiddenError: the store's user may not subscribe.
        """
        store = self._service.store
        try:
            self._watch = await store.watch(self.session, self._hear)
        except StoreForbiddenError:
            raise ForbiddenError(RIGHT_MISSING) from None
        if (stored := await store.load(self.session)) is None:
            raise UnknownSessionError(self.session)
        repeats = last_sequence >= 0
        kept = await store.results_after(self.session, last_sequence) if repeats else []
        # What was heard meanwhile follows what is kept, which may have some of it, too.
        heard, self._waiting = self._waiting, deque()
        self._last = last_sequence if repeats else stored.sequence
        for result in kept:
            self._hear(result)
        self._waiting.extend(found for found in heard if found.sequence > self._last)
        self._last = max([self._last, *(found.sequence for found in heard)])

    async def end(self) -> None:
        """Hear no more."""
        if self._watch is not None:
            await self._watch.close()

    async def events(self) -> AsyncIterator[FoundEvent]:
        """Give one event after the other until the session, or this server, ends."""
        silent_s = 0.0
        while not self._service.connections.draining:
            while self._waiting:
                silent_s = 0.0
                yield self._waiting.popleft()
            if self._ended or (silent_s >= self._service.settings.idle_s and await self._gone()):
                return
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), POLL_S)
            except TimeoutError:
                silent_s += POLL_S

    async def _gone(self) -> bool:
        return await self._service.store.load(self.session) is None

    def _hear(self, result: KeptResult | None) -> None:
        self._news.set()
        if result is None:
            self._ended = True
            return
        if result.sequence <= self._last:
            return
        self._last = result.sequence
        message = decode_result(result.message)
        for event in message.events:
            self._waiting.append(FoundEvent(message.sequence, message.epoch, message.pts_us, event))
        self._ended |= len(self._waiting) > MAX_WAITING
