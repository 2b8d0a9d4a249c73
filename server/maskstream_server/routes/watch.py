"""`WS /v1/sessions/{id}/watch`: viewers see a session's results and cannot change it.

Results are read from the store as they are committed, so any server that shares it can show any
session, also after another server takes it over. Messages of viewers are ignored.
"""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from maskstream_protocol import SUBPROTOCOL
from maskstream_protocol.errors import (
    ForbiddenError,
    InternalError,
    ServerFullError,
    WireError,
)
from maskstream_protocol.notices import ErrorMessage, Watching
from maskstream_server.error_answers import wire_error
from maskstream_server.errors import (
    RETRY_AFTER_MS,
    MaskstreamServerError,
    SessionUnreadableError,
    StoreForbiddenError,
    StoreUnreachableError,
    UnknownSessionError,
)
from maskstream_server.stores.interface import KeptResult, StoredSession
from maskstream_server.stores.tokens import is_name
from maskstream_server.streaming.opening import model_info
from maskstream_server.streaming.ports import SessionPorts
from maskstream_server.streaming.viewer import Viewer
from maskstream_server.transport.websocket import welcome

DONE: Final = 1000
SLOW_READER: Final = 4408
RIGHT_MISSING: Final = (
    "Sessions cannot be watched here: the store's user lacks the right to subscribe."
)


def watch_routes(service: SessionPorts) -> APIRouter:
    """Return the route of viewers."""
    router = APIRouter()
    viewers: set[WebSocket] = set()

    @router.websocket("/v1/sessions/{session}/watch")
    async def watch(socket: WebSocket, session: str) -> None:
        if len(viewers) >= service.settings.max_viewers:
            raise ServerFullError("No more viewers now.", retry_after_ms=RETRY_AFTER_MS)
        viewers.add(socket)
        try:
            await socket.accept(subprotocol=SUBPROTOCOL)
            welcome(socket.scope, None)
            await Show(socket, service, session).run()
        except (WebSocketDisconnect, RuntimeError):
            return  # The viewer is gone.
        finally:
            viewers.discard(socket)

    return router


class Show:
    """One viewer's connection; `run` it once."""

    def __init__(self, socket: WebSocket, service: SessionPorts, session: str) -> None:
        self._socket = socket
        self._service = service
        self._session = session
        self._viewer = Viewer()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Show the session until it or the viewer ends; closes the socket."""
        try:
            await self._follow()
        except (WireError, MaskstreamServerError) as error:
            refusal = wire_error(error)
            await self._socket.send_text(ErrorMessage.of(refusal, fatal=True).to_json())
            await self._socket.close(refusal.close_code or InternalError.close_code)

    async def _follow(self) -> None:
        store = self._service.store
        if not is_name(self._session):
            raise UnknownSessionError(self._session)
        try:
            watch = await store.watch(self._session, self._hear)
        except StoreForbiddenError:
            raise ForbiddenError(RIGHT_MISSING) from None
        try:
            stored = await store.load(self._session)
            if stored is None:
                raise UnknownSessionError(self._session)
            await self._show_until_left(stored)
        finally:
            await watch.close()

    async def _show_until_left(self, stored: StoredSession) -> None:
        tasks = [asyncio.create_task(work) for work in (self._show(stored), self._listen())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, result: KeptResult | None) -> None:
        self._viewer.add(result)
        self._news.set()

    async def _listen(self) -> None:
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass

    async def _show(self, stored: StoredSession) -> None:
        self._viewer.begin(stored.sequence)
        info = model_info(self._service)
        opening = Watching(self._session, stored.epoch, stored.sequence, info)
        await self._socket.send_text(opening.to_json())
        try:
            while not self._viewer.ended:
                await self._wait()
                await self._send_waiting()
        except TimeoutError:
            return await self._socket.close(SLOW_READER)
        await self._socket.close(DONE)

    async def _wait(self) -> None:
        """Wait for news; a session whose life ran out in silence has ended."""
        try:
            await asyncio.wait_for(self._news.wait(), self._service.settings.idle_s)
        except TimeoutError:
            with suppress(StoreUnreachableError, SessionUnreadableError):
                if await self._service.store.load(self._session) is None:
                    self._viewer.ended = True
        self._news.clear()

    async def _send_waiting(self) -> None:
        while messages := self._viewer.take():
            for message in messages:
                async with asyncio.timeout(self._service.settings.slow_reader_s):
                    if isinstance(message, str):
                        await self._socket.send_text(message)
                    else:
                        await self._socket.send_bytes(message)
