"""A blocking client of one stream that times what it hears; it mends nothing."""

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from maskstream_protocol import SUBPROTOCOL, messages, notices
from maskstream_protocol.errors import ProtocolError
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_protocol.notices import parse_server_message
from maskstream_protocol.results import decode_result

ANSWER_S: Final = 60.0


@dataclass(frozen=True)
class Step:
    """One frame: seconds from sending it to the arrival of its result, and the result's bytes."""

    took_s: float
    result_bytes: int


class BenchClient:
    """One connection, and the session that it holds.

    Args:
        url: of the server's streams.
        resume: goes on with the session of another client, which has left it.
        masks: how its results carry masks.

    Attributes:
        welcome: the server's, `welcomed_after_s` after hello.

    Raises:
        WireError: the server refuses the stream.
    """

    def __init__(
        self,
        url: str,
        resume: messages.Resume | None = None,
        masks: messages.MaskFormat = "rle",
    ) -> None:
        self._open = ExitStack()
        opening = connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None)
        self._socket = self._open.enter_context(opening)
        hello = messages.Hello(codecs=(FrameCodec.JPEG.wire_name,), masks=masks, resume=resume)
        began_s = time.perf_counter()
        self._socket.send(hello.to_json())
        welcome = self._hear()
        self.welcomed_after_s = time.perf_counter() - began_s
        if not isinstance(welcome, notices.Welcome):
            raise ProtocolError("The server did not begin with a welcome.")
        self.welcome = welcome
        self._sequence = welcome.next_sequence - 1

    def step(self, picture: bytes) -> Step:
        """Send a JPEG and wait for its result."""
        self._sequence += 1
        frame = FrameMessage(self._sequence, self.welcome.epoch, FrameCodec.JPEG, picture)
        message = frame.encode()
        began_s = time.perf_counter()
        self._socket.send(message)
        while not (isinstance(heard := self._hear(), bytes) and self._answers(heard)):
            if isinstance(heard, notices.Drop):
                raise ProtocolError(f"Frame {heard.first} got no result: {heard.reason}.")
        return Step(time.perf_counter() - began_s, len(heard))

    def settle(self) -> None:
        """Wait until all that was answered is durable."""
        self._socket.send(messages.Flush(self._sequence).to_json())
        while not isinstance(self._hear(), notices.Flushed):
            pass

    def leave(self) -> messages.Resume:
        """Leave the session as it is; returns what the next client needs to go on with it."""
        self._open.close()
        return messages.Resume(self.welcome.resume_token, self._sequence)

    def end(self) -> None:
        """End the session; the store forgets it."""
        self._socket.send(messages.Bye().to_json())
        with suppress(ConnectionClosed):  # by the server, when it is done
            while True:
                self._hear()
        self._open.close()

    def _answers(self, message: bytes) -> bool:
        """Whether a result is that of the newest frame; older ones are repeated after a resume."""
        return decode_result(message).sequence == self._sequence

    def _hear(self) -> bytes | notices.ServerMessage | None:
        """Return the next message, a result as it came; raises what the server refuses."""
        message = self._socket.recv(timeout=ANSWER_S)
        if isinstance(message, bytes):
            return message
        heard = parse_server_message(message)
        if isinstance(heard, notices.ErrorMessage):
            raise heard.to_error()
        return heard
