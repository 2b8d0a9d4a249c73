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
    Answer,
    Close,
    ConfirmToken,
    Decode,
    Encode,
    Forget,
    Save,
    Say,
    Step,
)
from maskstream_server.session.session import IDLE, INTERNAL, MAX_TEXT_CHARS, RESTART, Session
from maskstream_server.streaming.connection_metrics import ConnectionMetrics, Departing
from maskstream_server.streaming.greeting import Greeting, greet
from maskstream_server.streaming.performer import ClientOptions, Event, Performer
from maskstream_server.streaming.ports import StreamPorts
from maskstream_server.transport.gate import origin_of
from maskstream_server.transport.websocket import welcome

MAX_OUTGOING: Final = 32
MAX_INCOMING: Final = 16
SLOW_READER: Final = 4408

Outgoing = str | bytes | Departing | Close


class Stream:
    """One connection from `hello` to its close; `run` it once."""

    def __init__(self, socket: WebSocket, service: StreamPorts, witness: ConnectionMetrics) -> None:
        self._socket = socket
        self._service = service
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Outgoing] = asyncio.Queue(MAX_OUTGOING)
        # Messages that the session has not seen yet; reading pauses beyond them.
        self._room = asyncio.Semaphore(MAX_INCOMING)
        self._log = structlog.get_logger(__name__)
        self._witness = witness
        self._session: Session | None = None
        self._busy_at_s = service.clock()

    async def run(self) -> None:
        """Serve the connection; returns when it is closed."""
        try:
            hello = await self._hello()
            greeting = await greet(self._service, hello, self.address)
            self._witness.joined(greeting.lease.session)
            self._service.lobby.enter(greeting.lease, self)
            welcome(self._socket.scope, self._service.settings.max_message_bytes)
        except WebSocketDisconnect:
            return
        except Exception as error:
            await self._turn_away(wire_error(error))
            return
        options = ClientOptions.of(hello, self._service.model.info)
        report = self._events.put_nowait
        performer = Performer(self._service, greeting, options, report, self._witness)
        try:
            await self._serve(greeting, performer)
        finally:
            performer.abandon_work()
            self._service.lobby.leave(greeting.lease.session, self)
            self._service.background.start(performer.finish())

    # The lobby's side; see `lobby.Guest`.

    @property
    def address(self) -> str:
        """Where the client comes from."""
        return origin_of(self._socket.client.host if self._socket.client else None)

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
        self._witness.said(message)
        try:
            async with asyncio.timeout(self._service.settings.slow_reader_s):
                await self._socket.send_text(message.to_json())
                await self._socket.close(error.close_code or INTERNAL)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return  # The client is gone already.

    # After welcome.

    async def _serve(self, greeting: Greeting, performer: Performer) -> None:
        self._log.info(
            "session_opened", session=greeting.lease.session, resumed=greeting.welcome.resumed
        )
        self._session = session = Session(greeting.terms, greeting.beginning)
        work = asyncio.create_task(self._work(session, greeting, performer))
        ends = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, *ends):
                task.cancel()
            await asyncio.gather(work, *ends, return_exceptions=True)
            self._log.info("connection_ended", session=greeting.lease.session)

    async def _work(self, session: Session, greeting: Greeting, performer: Performer) -> None:
        """Let the session take one event after the other until it closes."""
        try:
            await self._open(greeting)
            while not session.closed:
                event = await self._events.get()
                for action in event(session):
                    await self._perform(action, performer)
        except Exception as error:
            for action in session.crashed(wire_error(error)):
                await self._perform(action, performer)
        finally:
            # Whatever happened, the sender must find an end; only the first `Close` counts.
            with contextlib.suppress(asyncio.QueueFull):
                self._outgoing.put_nowait(Close(INTERNAL))

    async def _open(self, greeting: Greeting) -> None:
        await self._outgoing.put(greeting.welcome.to_json())
        if greeting.reset is not None:
            await self._outgoing.put(greeting.reset.to_json())
        for message in greeting.repeated:
            await self._outgoing.put(message)

    async def _perform(self, action: Action, performer: Performer) -> None:
        if isinstance(action, Decode | Answer):
            self._busy_at_s = self._service.clock()
        match action:
            case Say(message):
                self._witness.said(message)
                await self._outgoing.put(message.to_json())
            case Answer(final=False):
                await self._outgoing.put(action.message)
            case Answer():
                await self._outgoing.put(self._witness.answered(action))
            case Decode():
                performer.decode(action)
            case Step():
                performer.step(action)
            case Encode():
                performer.encode(action)
            case Save():
                performer.save(action)
            case ConfirmToken():
                performer.confirm_token()
            case Forget():
                await performer.forget()
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
            self._witness.received(len(data or b""))

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
                self._witness.left(outgoing)
            case Close(code, reason):
                await self._socket.close(code, reason)
