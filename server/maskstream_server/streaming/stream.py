"""The shell of one connection: moves messages between its socket and its session.

One task receives, one sends from a bounded queue, one lets the session work; nothing else touches
the socket. A client that does not read fills the queue and is closed with 4408.
"""

import asyncio
import contextlib
from typing import Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from maskstream_protocol.errors import BadHelloError, BadMessageError, WireError
from maskstream_protocol.messages import Hello, parse_client_message
from maskstream_protocol.notices import ErrorMessage
from maskstream_server.error_answers import wire_error
from maskstream_server.session.actions import (
    Action,
    CheckPrompts,
    Close,
    CommitMemory,
    ConfirmToken,
    Decode,
    DeleteSession,
    Encode,
    Prime,
    SendMessage,
    SendResult,
    StepModel,
)
from maskstream_server.session.admission import MAX_TEXT_CHARS
from maskstream_server.session.session import IDLE, INTERNAL, RESTART, Session
from maskstream_server.streaming.activity import Activity
from maskstream_server.streaming.client_options import ClientOptions
from maskstream_server.streaming.connection_metrics import ConnectionMetrics, Departing
from maskstream_server.streaming.executor import ActionExecutor, Event
from maskstream_server.streaming.opening import Opening, open_session
from maskstream_server.streaming.ports import StreamPorts
from maskstream_server.transport.gate import origin_of
from maskstream_server.transport.websocket import welcome

MAX_OUTGOING: Final = 32
MAX_INCOMING: Final = 16
SLOW_READER: Final = 4408

Outgoing = str | bytes | Departing | Close


class Stream:
    """One connection from `hello` to its close; `run` it once."""

    activity: Activity

    def __init__(self, socket: WebSocket, service: StreamPorts, metrics: ConnectionMetrics) -> None:
        self._socket = socket
        self._service = service
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Outgoing] = asyncio.Queue(MAX_OUTGOING)
        # Messages that the session has not seen yet; reading pauses beyond them.
        self._room = asyncio.Semaphore(MAX_INCOMING)
        self._log = structlog.get_logger(__name__)
        self._connection_metrics = metrics
        self._session: Session | None = None
        self._busy_at_s = service.clock()

    async def run(self) -> None:
        """Serve the connection; returns when it is closed."""
        try:
            hello = await self._hello()
            options = ClientOptions.of(hello, self._service.model.info)
            opening = await open_session(self._service, hello, self.address)
            self._connection_metrics.joined(opening.lease.session)
            self.activity = Activity(opening.welcome, self._service.clock)
            self._service.connections.enter(opening.lease, self)
            welcome(self._socket.scope, self._service.settings.max_message_bytes)
        except WebSocketDisconnect:
            return
        except Exception as error:
            await self._turn_away(wire_error(error))
            return
        report = self._events.put_nowait
        if opening.beginning.rules.need_masks:
            options = options.with_masks()
        executor = ActionExecutor(self._service, opening, options, report, self._connection_metrics)
        try:
            await self._serve(opening, executor)
        finally:
            executor.abandon_work()
            self._service.connections.leave(opening.lease.session, self)
            self._service.background.start(executor.finish())

    # The side of the registry; see `connection_registry.RegisteredConnection`.

    @property
    def address(self) -> str:
        """Where the client comes from."""
        return origin_of(self._socket.client.host if self._socket.client else None)

    @property
    def caller(self) -> str:
        """Who has it."""
        return str(self._socket.state.caller)

    @property
    def silent_s(self) -> float:
        """Seconds since the last work on a frame; 0 while any is under way."""
        if self._session is None or not self._session.at_rest:
            return 0.0
        return self._service.clock() - self._busy_at_s

    def give_way(self) -> None:
        """Another session needs the slot."""
        self._log.info("idle_session_gives_way")
        self._events.put_nowait(lambda session: session.close(IDLE))

    def taken_over(self) -> None:
        """Another connection has the session now."""
        self._events.put_nowait(lambda session: session.taken_over())

    def going_away(self, in_ms: int) -> None:
        """This server stops."""
        self._events.put_nowait(lambda session: session.going_away(in_ms, "shutdown"))

    def restart(self) -> None:
        """There is no more time."""
        self._events.put_nowait(lambda session: session.close(RESTART))

    # Before welcome.

    async def _hello(self) -> Hello:
        try:
            async with asyncio.timeout(self._service.settings.hello_timeout_s):
                received = await self._socket.receive()
        except TimeoutError:
            raise BadHelloError("No hello came in time.") from None
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1006))
        text = received.get("text")
        if text is None:
            raise BadHelloError("The first message must be a hello, not binary.")
        if len(text) > MAX_TEXT_CHARS:
            raise BadHelloError(f"A hello has at most {MAX_TEXT_CHARS} characters.")
        try:
            message = parse_client_message(text)
        except BadMessageError as error:
            raise BadHelloError(error.message) from None
        if not isinstance(message, Hello):
            raise BadHelloError("The first message must be a hello.")
        return message

    async def _turn_away(self, error: WireError) -> None:
        self._service.metrics.refused_sessions.inc()
        message = ErrorMessage.of(error, fatal=True)
        self._connection_metrics.said(message)
        try:
            async with asyncio.timeout(self._service.settings.slow_reader_s):
                await self._socket.send_text(message.to_json())
                await self._socket.close(error.close_code or INTERNAL)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return  # The client is gone already.

    # After welcome.

    async def _serve(self, opening: Opening, executor: ActionExecutor) -> None:
        self._log.info(
            "session_opened", session=opening.lease.session, resumed=opening.welcome.resumed
        )
        self._session = session = Session(opening.terms, opening.beginning)
        work = asyncio.create_task(self._work(session, opening, executor))
        ends = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, *ends):
                task.cancel()
            await asyncio.gather(work, *ends, return_exceptions=True)
            self._log.info("connection_ended", session=opening.lease.session)

    async def _work(self, session: Session, opening: Opening, executor: ActionExecutor) -> None:
        """Let the session take one event after the other until it closes."""
        try:
            await self._open(opening)
            while not session.closed:
                event = await self._events.get()
                for action in event(session):
                    await self._perform(action, executor)
        except Exception as error:
            for action in session.crashed(wire_error(error)):
                await self._perform(action, executor)
        finally:
            # Whatever happened, the sender must find an end; only the first `Close` counts.
            with contextlib.suppress(asyncio.QueueFull):
                self._outgoing.put_nowait(Close(INTERNAL))

    async def _open(self, opening: Opening) -> None:
        await self._outgoing.put(opening.welcome.to_json())
        if opening.reset is not None:
            await self._outgoing.put(opening.reset.to_json())
        for message in opening.repeated:
            await self._outgoing.put(message)

    async def _perform(self, action: Action, executor: ActionExecutor) -> None:
        if isinstance(action, Decode | Prime | SendResult):
            self._busy_at_s = self._service.clock()
        match action:
            case SendMessage(message):
                self._connection_metrics.said(message)
                await self._outgoing.put(message.to_json())
            case SendResult(final=False):
                await self._outgoing.put(action.message)
            case SendResult():
                await self._outgoing.put(self._connection_metrics.answered(action))
            case CheckPrompts():
                executor.check_prompts(action)
            case Decode():
                executor.decode(action)
            case Prime():
                # They take no credit: reading from the client waits for them instead.
                await executor.prime(action)
            case StepModel():
                executor.step(action)
            case Encode():
                self.activity.answered(action)
                executor.encode(action)
            case CommitMemory():
                executor.save(action)
            case ConfirmToken():
                executor.confirm_token()
            case DeleteSession():
                await executor.forget()
            case Close():
                await self._outgoing.put(action)

    async def _receive(self) -> None:
        """Hand messages to the session until the socket ends."""
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            await self._room.acquire()
            self._events.put_nowait(self._message(received.get("text"), received.get("bytes")))

    def _message(self, text: str | None, data: bytes | None) -> Event:
        now_s = self._service.clock()
        if text is None:
            self._connection_metrics.received(len(data or b""))

        def take(session: Session) -> list[Action]:
            self._room.release()
            return session.binary(data or b"", now_s) if text is None else session.text(text, now_s)

        return take

    async def _send(self) -> None:
        """Send what is queued until a `Close`, or until the client has not read for too long."""
        slow_s = self._service.settings.slow_reader_s
        try:
            while True:
                outgoing = await self._outgoing.get()
                async with asyncio.timeout(slow_s):
                    await self._send_one(outgoing)
                if isinstance(outgoing, Close):
                    return
        except TimeoutError:
            self._log.info("slow_reader")
            await self._socket.close(SLOW_READER)
        except (WebSocketDisconnect, RuntimeError):
            return  # The client is gone; the receiver learns of it too.

    async def _send_one(self, outgoing: Outgoing) -> None:
        match outgoing:
            case str():
                await self._socket.send_text(outgoing)
            case bytes():
                await self._socket.send_bytes(outgoing)
            case Departing(message):
                await self._socket.send_bytes(message)
                self._connection_metrics.left(outgoing)
            case Close(code, reason):
                await self._socket.close(code, reason)
