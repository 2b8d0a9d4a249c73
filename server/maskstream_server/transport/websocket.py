"""uvicorn's WebSocket protocol with habits of ours; it knows the insides of uvicorn's.

A close frame does not wait behind a client that does not read; such a connection is cut off in
the end; and a client without a sign of life is closed with 4408. Bytes are looked at in small
pieces, so that no client keeps the others waiting: none while the application has a message that
it has not taken, or while the client does not read, and only so many frames a second.
"""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from maskstream_protocol.errors import ServerFullError
from maskstream_server.error_answers import RETRY_AFTER_MS
from maskstream_server.token_bucket import TokenBucket
from maskstream_server.transport.config import TransportConfig
from maskstream_server.transport.frames import BoundedFrames
from maskstream_server.transport.gate import Entry, origin_of
from maskstream_server.transport.timer import Timer

IDLE = 4408
PIECE_BYTES: Final = 16 << 10
FRAMES_PER_MESSAGE: Final = 2
"""Small frames (pings and fragments too) for each control message that a client may send."""
FIRST_FRAMES_PER_S: Final = 100.0
"""The same in a second, before the hello."""
_WELCOME: Final = "maskstream.welcome"


def welcome(scope: Mapping[str, Any], max_message_bytes: int | None) -> None:
    """Let an accepted WebSocket stay; what its client may send then.

    Args:
        scope: of the WebSocket.
        max_message_bytes: size of a message, at the rate of the settings; None: no more than
            before, where it has nothing to say.
    """
    scope["extensions"][_WELCOME]["call"](max_message_bytes)


class StreamProtocol(WebSocketsSansIOProtocol):
    """One WebSocket on uvicorn's side; see `WebSocketsSansIOProtocol`."""

    config: TransportConfig
    conn: BoundedFrames

    def __init__(self, config: TransportConfig, server_state: Any, app_state: Any) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = BoundedFrames()
        self._entry: Entry | None = None
        self._unread = bytearray()
        self._write_paused = False
        self._heard_at_s = 0.0
        self._frames = self._bucket(FIRST_FRAMES_PER_S)
        self._pause = Timer(self.loop)

    @property
    def address(self) -> str:
        """Where it comes from."""
        return origin_of(self.client[0] if self.client else None)

    def entered(self, entry: Entry) -> None:
        """Take over the place that the gate has given to the connection."""
        self._entry = entry

    def turn_away(self) -> None:
        """Close before the hello: others need the place. An honest client may try again."""
        text = "No hello came before others needed the place."
        self.conn.end(ServerFullError(text, retry_after_ms=RETRY_AFTER_MS))
        self.handle_parser_exception()

    # What asyncio calls.

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the gate."""
        self._unread.clear()
        self.config.gate.waited(self)
        if self._entry is not None:
            self.config.gate.leave(self._entry)
        self._pause.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client: a sign of life, whatever they are."""
        self._heard_at_s = self.loop.time()
        self._unread += data
        self._read()

    def pause_writing(self) -> None:
        """Read nothing from a client that does not read."""
        super().pause_writing()
        self._write_paused = True
        self._steer()

    def resume_writing(self) -> None:
        """Read on."""
        self._write_paused = False
        super().resume_writing()
        self._read()

    # Reading.

    def _read(self) -> None:
        """Look at what has come, as far as that may be."""
        while self._unread and self._may_read:
            piece = bytes(self._unread[:PIECE_BYTES])
            del self._unread[:PIECE_BYTES]
            before = self.conn.num_small
            super().data_received(piece)
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse_handshake()
            debt_s = self._frames.charge(self.conn.num_small - before, self.loop.time())
            if debt_s > 0:
                self._pause.start(debt_s, self._read)
        self._steer()

    def _refuse_handshake(self) -> None:
        """Send what `websockets` says of a request that it could not read."""
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
        self._cut_off_later()

    @property
    def _may_read(self) -> bool:
        return not (self.read_paused or self._write_paused or self._pause.is_running)

    def _steer(self) -> None:
        """Let the transport read where all that it has read was looked at."""
        if self.transport.is_closing():
            self._unread.clear()
        elif self._unread or not self._may_read:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    # What the application and uvicorn call.

    async def receive(self) -> ASGIReceiveEvent:
        """Give the application its next event, and read on."""
        event = await super().receive()
        self._read()
        return event

    async def send(self, message: ASGISendEvent) -> None:
        """Send an event of the application; a close goes into the buffer at once."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self.writable.set()
            self._cut_off_later()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # Else uvicorn logs each refusal before the upgrade as a fault of ours.
            self.handshake_complete = True

    def handle_connect(self, event: Request) -> None:
        """Begin the application, which may `welcome` the client."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.config.gate.wait(self)
            extensions: dict[str, Any] = {_WELCOME: {"call": self._welcome}}
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), **extensions}

    def _welcome(self, max_message_bytes: int | None) -> None:
        self.config.gate.waited(self)
        if max_message_bytes is not None:
            self.conn.welcome(max_message_bytes)
            per_s = FRAMES_PER_MESSAGE * self.config.settings.max_messages_per_s
            self._frames = self._bucket(per_s)

    def _bucket(self, per_s: float) -> TokenBucket:
        return TokenBucket(per_s, per_s, self.loop.time())

    def handle_parser_exception(self) -> None:
        """Close because of a fault of the client."""
        assert self.conn.close_sent is not None
        code, log = self.conn.close_sent.code, structlog.get_logger(__name__)
        log.info("connection_closed_for_a_fault", code=code, address=self.address)
        super().handle_parser_exception()
        self._cut_off_later()

    def on_task_complete(self, task: Any) -> None:
        """Cut off what the application has left, where the client does not read the end of it."""
        super().on_task_complete(task)
        self._cut_off_later()

    def keepalive_timeout(self) -> None:
        """Give up a connection whose ping was not answered, unless it has sent anything since.

        A pong may have to wait behind a large frame on a slow line, or behind what we do not read.
        """
        self.pong_timer = None
        if self.close_sent or self.transport.is_closing():
            return
        if self._heard_at_s > self.ping_sent_at or self.read_paused or self._pause.is_running:
            self.send_keepalive_ping()
            return
        self.conn.send_close(IDLE, "idle")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": IDLE, "reason": "idle"})
        self._cut_off_later()
        self.transport.close()

    def _cut_off_later(self) -> None:
        self.loop.call_later(self.close_timeout, self._cut_off)

    def _cut_off(self) -> None:
        """Drop what a peer has not read by now."""
        if not self.disconnected:
            self.transport.abort()
