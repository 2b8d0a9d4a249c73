"""The order of outgoing messages, within the credit of the server (docs/protocol.md 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from maskstream_client.ledger import Ledger
from maskstream_protocol import messages
from maskstream_protocol.notices import FrameCredit

Request = messages.Flush | messages.Reset | messages.Prompts | messages.Bye


class Outbox:
    """First what opens the connection, then frames within the credit, then requests.

    Requests stay until they are answered, and are sent again on the next connection.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._now: list[messages.ControlMessage] = []
        self._requests: list[Request] = []
        self._num_requested = 0
        self._frames = self._bytes = 0
        self._open = False
        self._holds_frames = False

    @property
    def idle(self) -> bool:
        """Whether a frame would not have to wait behind anything but credit."""
        if self._holds_frames:
            return False
        return self._open and not self._requests and not any(self._ledger.unsent())

    def awaits(self, *kinds: type[Request]) -> bool:
        """Whether a request of one of these kinds has no answer yet."""
        return any(isinstance(request, kinds) for request in self._requests)

    def begin(self, hello: messages.Hello) -> None:
        """A connection stands; frames wait until `accepted`."""
        self.close()
        self._now = [hello]

    def accepted(self, credit: FrameCredit) -> None:
        """Frames may go, within this credit."""
        self._open = True
        self._frames, self._bytes = credit.frames, credit.bytes

    def hold(self) -> None:
        """Keep frames and requests back."""
        self._open = False

    def release(self) -> None:
        """Send them again."""
        self._open = True

    def hold_frames(self) -> None:
        """Keep frames back, and what was requested after them."""
        self._holds_frames = True

    def release_frames(self) -> None:
        """Send them again."""
        self._holds_frames = False

    def close(self) -> None:
        """The connection is gone."""
        self._holds_frames = False
        self._now = []
        self._num_requested = 0
        self._open = False

    def send_now(self, message: messages.ControlMessage) -> None:
        """Send it at once, on this connection only."""
        self._now.append(message)

    def request(self, message: Request) -> None:
        """Send it after the frames so far, and keep it until it is answered."""
        self._requests.append(message)

    def answered(self, message: Request) -> bool:
        """A request got its answer; False where none like it was sent."""
        if message not in self._requests[: self._num_requested]:
            return False
        self._requests.remove(message)
        self._num_requested -= 1
        return True

    def prompts_refused(self) -> bool:
        """The server refused a message: the prompts, where some were sent and have no answer."""
        sent = self._requests[: self._num_requested]
        refused = next((each for each in sent if isinstance(each, messages.Prompts)), None)
        return refused is not None and self.answered(refused)

    def grant(self, frames: int, num_bytes: int) -> None:
        """Add credit."""
        self._frames += frames
        self._bytes += num_bytes

    def affords(self, num_bytes: int) -> bool:
        """Whether the credit covers one more message of this size."""
        return self._frames >= 1 and self._bytes >= num_bytes

    def take(self, epoch: int) -> Iterator[str | bytes]:
        """Take what may be sent now."""
        while self._now:
            yield self._now.pop(0).to_json()
        if not self._open:
            return
        # Between a reset and its notice the server refuses every frame, of whichever epoch.
        wait = self._holds_frames or messages.Reset() in self._requests[: self._num_requested]
        for row in list(self._ledger.unsent()):
            if wait or row.frame is None or not self.affords(row.frame.num_bytes):
                return
            if row.prompts is not None and not row.prompts_sent:
                row.prompts_sent = True
                yield row.prompts.to_json()
            for unit in self._ledger.lead_in.take(row.frame):
                yield replace(unit, epoch=epoch).encode()
            row.sent = True
            self.grant(-1, -row.frame.num_bytes)
            yield replace(row.frame, epoch=epoch).encode()
        while self._num_requested < len(self._requests):
            self._num_requested += 1
            yield self._requests[self._num_requested - 1].to_json()
