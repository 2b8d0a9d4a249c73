"""uvicorn's WebSocket protocol with habits of ours; the only file that knows its insides.

A close frame does not wait behind a client that does not read; such a connection is cut off in
the end; and a client without a sign of life is closed with 4408.
"""

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

IDLE = 4408


class StreamProtocol(WebSocketsSansIOProtocol):
    """One WebSocket on uvicorn's side."""

    heard_at_s = 0.0

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client: a sign of life, whatever they are."""
        self.heard_at_s = self.loop.time()
        super().data_received(data)

    async def send(self, message: ASGISendEvent) -> None:
        """Send an event of the application; a close goes into the buffer at once."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self.writable.set()
            self.loop.call_later(self.close_timeout, self._cut_off)
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # Else uvicorn logs each refusal before the upgrade as a fault of ours.
            self.handshake_complete = True

    def keepalive_timeout(self) -> None:
        """Give up a connection whose ping was not answered, unless it has sent anything since.

        A pong may have to wait behind a large frame on a slow line.
        """
        self.pong_timer = None
        if self.close_sent or self.transport.is_closing():
            return
        if self.heard_at_s > self.ping_sent_at:
            self.send_keepalive_ping()
            return
        self.conn.send_close(IDLE, "idle")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": IDLE, "reason": "idle"})
        self.loop.call_later(self.close_timeout, self._cut_off)
        self.transport.close()

    def _cut_off(self) -> None:
        """Drop what a peer has not read by now."""
        if not self.disconnected:
            self.transport.abort()
