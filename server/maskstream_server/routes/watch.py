"""`WS /v1/sessions/{id}/watch`: viewers see a session's results and have no hold on it.

They hear what is committed from the store, so any server that shares it can show any session, and
go on showing it when another server takes it over. What a viewer sends is read and forgotten.
"""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from maskstream_protocol import SUBPROTOCOL
from maskstream_protocol.errors import ForbiddenError, ServerFullError, WireError
from maskstream_protocol.notices import ErrorMessage, Watching
from maskstream_server.errors import RETRY_AFTER_MS, answer_to
from maskstream_server.http.access import check_key, check_origin, check_subprotocol
from maskstream_server.http.problems import problem_of
from maskstream_server.lifecycle.service import Service
from maskstream_server.stores.errors import (
    SessionUnreadableError,
    StoreForbiddenError,
    StoreUnreachableError,
)
from maskstream_server.stores.interface import KeptResult, StoredSession
from maskstream_server.stores.tokens import is_name
from maskstream_server.streaming.greeting import model_info
from maskstream_server.streaming.viewer import Viewer
from maskstream_server.transport.websocket import welcome

DONE: Final = 1000
FORBIDDEN: Final = 4403
UNKNOWN: Final = 4404
SLOW_READER: Final = 4408


def watch_routes(service: Service) -> APIRouter:
    """Return the route of viewers."""
    router = APIRouter()
    viewers: set[WebSocket] = set()

    @router.websocket("/v1/sessions/{session}/watch")
    async def watch(socket: WebSocket, session: str) -> None:
        try:
            check_subprotocol(socket.scope["subprotocols"])
            check_key(socket.headers, service.settings)
            check_origin(socket.headers, service.settings)
            if len(viewers) >= service.settings.max_viewers:
                raise ServerFullError("No more viewers now.", retry_after_ms=RETRY_AFTER_MS)
        except WireError as error:
            await socket.send_denial_response(problem_of(error))
            return
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

    def __init__(self, socket: WebSocket, service: Service, session: str) -> None:
        self._socket = socket
        self._service = service
        self._session = session
        self._viewer = Viewer()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Show the session until it or the viewer ends; closes the socket."""
        if not is_name(self._session):
            return await self._refuse_unknown()
        try:
            watch = await self._service.store.watch(self._session, self._hear)
            try:
                await self._follow(await self._service.store.load(self._session))
            finally:
                await watch.close()
        except StoreForbiddenError:
            text = "Sessions cannot be watched here: the store's user lacks the right to subscribe."
            await self._refuse(ErrorMessage.of(ForbiddenError(text), fatal=True), FORBIDDEN)
        except SessionUnreadableError as error:
            await self._refuse_session(str(error))
        except StoreUnreachableError as error:
            await self._refuse(ErrorMessage.of(answer_to(error), fatal=True), 1013)

    async def _follow(self, stored: StoredSession | None) -> None:
        if stored is None:
            return await self._refuse_unknown()
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
        self._viewer.hear(result)
        self._news.set()

    async def _listen(self) -> None:
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass

    async def _show(self, stored: StoredSession) -> None:
        self._viewer.begin(stored.sequence)
        info = model_info(self._service)
        greeting = Watching(self._session, stored.epoch, stored.sequence, info)
        await self._socket.send_text(greeting.to_json())
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

    async def _refuse_unknown(self) -> None:
        await self._refuse_session(f"There is no session {self._session!r}.")

    async def _refuse_session(self, text: str) -> None:
        await self._refuse(
            ErrorMessage("session_unknown", text, retry=False, sequence=None, fatal=True), UNKNOWN
        )

    async def _refuse(self, error: ErrorMessage, close_code: int) -> None:
        await self._socket.send_text(error.to_json())
        await self._socket.close(close_code)
