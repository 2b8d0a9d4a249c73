"""The frames of one WebSocket, with bounds on size and number; no I/O."""

from typing import Final

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from maskstream_protocol.errors import (
    BadHelloError,
    BadMessageError,
    FrameTooLargeError,
    WireError,
)
from maskstream_protocol.notices import ErrorMessage

FIRST_MESSAGE_BYTES: Final = 1 << 16
"""Limit of a message before `welcome`."""
FREE_FRAGMENTS: Final = 64
FRAGMENT_BYTES: Final = 1024
"""Fragments of a message beyond `FREE_FRAGMENTS` must have so many bytes on average."""


class BoundedFrames(ServerProtocol):
    """Ends a connection whose messages are too large, or in too many fragments, with an `error`.

    Attributes:
        num_small: frames of less than `FRAGMENT_BYTES` that have come, control frames too. They
            cost more than the line that they come over; larger ones do not.
    """

    def __init__(self) -> None:
        super().__init__(max_size=FIRST_MESSAGE_BYTES)
        self.num_small = 0
        self._num_fragments = 0
        self._accepted = False
        self._ending: WireError | None = None

    def welcome(self, max_message_bytes: int) -> None:
        """Take messages of this size from now on."""
        self._accepted = True
        self.max_message_size = max_message_bytes

    def end(self, error: WireError) -> None:
        """Send the reason and close; later input is discarded."""
        self._ending = error
        self.fail(error.close_code or CloseCode.INTERNAL_ERROR)

    def recv_frame(self, frame: Frame) -> None:
        """Take a frame."""
        self.num_small += len(frame.data) < FRAGMENT_BYTES
        super().recv_frame(frame)
        if frame.opcode is Opcode.CONT:
            self._num_fragments += 1
            free = FREE_FRAGMENTS + (self.current_size or 0) // FRAGMENT_BYTES
            if self._num_fragments > free and not frame.fin:
                self._ending = BadMessageError("A message comes in too many fragments.")
                raise ProtocolError(self._ending.message)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._num_fragments = 1

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Close because of a fault of the client, in our words where it is one of ours."""
        if self._ending is None and code == CloseCode.MESSAGE_TOO_BIG:
            self._ending = self._too_large()
        if self._ending is not None and self.state is State.OPEN:
            self.send_text(ErrorMessage.of(self._ending, fatal=True).to_json().encode())
            code, reason = self._ending.close_code or code, ""
        super().fail(code, reason)

    def _too_large(self) -> WireError:
        if self._accepted:
            limit = (self.max_message_size or 0) // 2
            return FrameTooLargeError(f"A message is over twice the limit {limit}.")
        return BadHelloError(f"Before welcome, a message has at most {FIRST_MESSAGE_BYTES} bytes.")
