"""One stream on the client, without I/O: messages out, events in (docs/protocol.md 1 to 5).

The shell opens connections and moves messages. For each connection it calls `connection_opened`,
sends what `outgoing` returns (after every call of any method), hands each message to `receive` and
calls `connection_lost` at its end. The session keeps what is not durable and sends it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from maskstream_client import events
from maskstream_client.errors import MaskstreamError
from maskstream_client.events import Event
from maskstream_client.ledger import MAX_KEPT_BYTES, Ledger
from maskstream_client.outbox import Outbox, Request
from maskstream_client.pictures import PACKETS, PICTURE_CODECS, Picture, check_codec, check_fits
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol import messages, notices
from maskstream_protocol.errors import BadMessageError, SequenceGapError
from maskstream_protocol.frames import UNKNOWN_TIME
from maskstream_protocol.notices import parse_server_message
from maskstream_protocol.prompts import trimmed_prompts
from maskstream_protocol.results import ResultMessage, decode_result

_ACK_EVERY: Final = 8
_RESUMED: Final = "resumed"
"""Id of the flush that ends what a server repeats."""


class ClientSession:
    """The state machine of one stream over any number of connections.

    Attributes:
        name: of the session; None before the first welcome.
        resume_token: what another client needs to continue it.
        welcome: the server's answer on the present connection; None while there is none.
        epoch: the memory that identities belong to.
    """

    def __init__(self, options: StreamOptions, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._options = options
        prompts = None if options.prompts is None else trimmed_prompts(options.prompts)
        self._ledger = Ledger(max_kept_bytes, prompts)
        self._outbox = Outbox(self._ledger)
        self.resume_token = options.resume_token
        self.welcome: notices.Welcome | None = None
        self.name: str | None = None
        self.epoch = 1
        self._lookahead = 0
        self._was_last = False
        self._num_unacked = 0
        self._needs_key = False

    @property
    def num_in_flight(self) -> int:
        """Frames that wait for their answer."""
        return self._ledger.num_in_flight

    @property
    def is_late(self) -> bool:
        """Whether the model waits for further frames before it answers one."""
        return self._lookahead > 0

    @property
    def expects_answer(self) -> bool:
        """Whether a frame will be answered though no further one is pushed."""
        if self._was_last or self._outbox.awaits(messages.Flush, messages.Bye):
            return self.num_in_flight > 0
        return self.num_in_flight > self._lookahead

    def awaits(self, kind: type[Request]) -> bool:
        """Whether a request of this kind has no answer yet."""
        return self._outbox.awaits(kind)

    # Calls of the application.

    def has_room(self, picture: Picture) -> bool:
        """Whether a frame pushed now would leave at once.

        Raises:
            FrameTooLargeError: it never will, on this server.
        """
        if self.welcome is None or not self._outbox.idle:
            return False
        size = picture.to_frame().num_bytes
        check_fits(picture, size, self.welcome)
        max_in_flight = self._options.max_in_flight + self._lookahead
        return self.num_in_flight < max_in_flight and self._outbox.affords(size)

    def push(self, picture: Picture, pts_us: int = UNKNOWN_TIME, *, last: bool = False) -> int:
        """Take a frame; returns its index among all that were pushed, from 0."""
        self._was_last = last
        return self._ledger.add(picture.to_frame(pts_us, last=last))

    def request(self, message: Request) -> None:
        """Send it after every frame so far; again after a lost connection, until it is answered."""
        self._outbox.request(message)

    def take_key_request(self) -> bool:
        """Whether the next unit of a packet codec should be a key frame; asked for once."""
        needed, self._needs_key = self._needs_key, False
        return needed

    def lacks_key(self, picture: Picture) -> bool:
        """Whether a picture is a unit that builds on others which the server's decoder lacks."""
        return self._needs_key and picture.codec in PACKETS and not picture.key_frame

    def prompts_request(self, prompts: Sequence[str]) -> messages.Prompts:
        """What asks for other prompts.

        Raises:
            MaskstreamError: the model takes none.
            ValueError: no server takes these.
        """
        if self.welcome is not None and self.welcome.prompts is None:
            raise MaskstreamError(f"The model {self.welcome.model.name} takes no prompts.")
        return messages.Prompts(trimmed_prompts(prompts))

    # Calls of the shell.

    def connection_opened(self) -> None:
        """There is a connection, on which nothing was sent."""
        self._outbox.begin(self._hello())

    def connection_lost(self) -> None:
        """The connection ended, however."""
        self.welcome = None
        self._outbox.close()

    def outgoing(self) -> Iterator[str | bytes]:
        """Take the messages that may be sent now, in order."""
        return self._outbox.take(self.epoch)

    def receive(self, message: str | bytes) -> list[Event]:
        """Take a message of the server; returns what it means to the application.

        Raises:
            ProtocolError: it breaks the protocol or the order of frames is lost; the connection
                is of no use any more.
        """
        if isinstance(message, bytes):
            return self._answered(decode_result(message))
        match parse_server_message(message):
            case notices.Welcome() as welcome:
                return self._accepted(welcome)
            case notices.Credit() as credit:
                self._outbox.grant(credit.frames, credit.bytes)
                self._ledger.mark_durable(credit.durable_sequence)
            case notices.Prompted() as prompted:
                return self._prompted(prompted)
            case notices.Drop() as drop:
                return self._dropped(drop)
            case notices.ResetNotice() as reset:
                return self._reset(reset)
            case notices.Flushed() as flushed:
                return self._flushed(flushed)
            case notices.GoAway() as goaway:
                self._outbox.hold()
                return [events.GoingAway(goaway.in_ms, goaway.reason)]
            case notices.ErrorMessage() as error:
                return self._refused(error)
            case notices.StoreBack():
                return [events.StoreReturned()]
        return []

    # Messages.

    def _hello(self) -> messages.Hello:
        options, ledger, token = self._options, self._ledger, self.resume_token
        in_doubt = ledger.has_prompts_to_commit or self.awaits(messages.Prompts)
        return messages.Hello(
            model=options.model,
            policy=options.policy,
            codecs=(*PICTURE_CODECS, *PACKETS.values()),
            masks=options.masks,
            mask_scale=options.mask_scale,
            min_score=options.min_score,
            resume=messages.Resume(token, ledger.last_sequence) if token else None,
            classes=None if options.classes is None else tuple(options.classes),
            # Beside a token they must be those of the server's memory (decision 0059).
            prompts=None if in_doubt else ledger.durable_prompts or None,
            provisional=options.provisional,
            rules=tuple(options.rules) if options.rules else None,
            webhook=options.webhook,
        )

    def _accepted(self, welcome: notices.Welcome) -> list[Event]:
        if self._options.rules and "events" not in welcome.features:
            raise MaskstreamError("This server is too old for rules: it makes no events of them.")
        self.welcome, self.epoch, self.resume_token = welcome, welcome.epoch, welcome.resume_token
        self.name = welcome.session
        self._lookahead = welcome.model.lookahead
        if self.is_late:
            self._ledger.min_kept_frames = self._lookahead + welcome.credit.frames
        if welcome.prompts == () and self._ledger.durable_prompts:
            self._outbox.send_now(messages.Prompts(self._ledger.durable_prompts))
        elif welcome.prompts is not None:
            self._ledger.durable_prompts = tuple(each.text for each in welcome.prompts)
        self._outbox.accepted(welcome.credit)
        if self._ledger.open_until(welcome.next_sequence - 1):
            # The server keeps as many results as the credit has frames: new frames would push those
            # out that are on their way here, and would be lost with this connection.
            self._outbox.send_now(messages.Flush(_RESUMED))
            self._outbox.hold_frames()
        came: list[Event] = [events.Connected(welcome)]
        self._needs_key = not welcome.resumed or self._options.policy == "latest"
        if not welcome.resumed:
            lost = self._ledger.restart_at(1)
            return came + [events.Dropped(index, "lost") for index in lost]
        if self._options.policy == "latest":
            skipped = self._ledger.skip_to(welcome.next_sequence)
            return came + [events.Dropped(index, "superseded") for index in skipped]
        if not self._ledger.resume_at(welcome.next_sequence):
            self._outbox.send_now(messages.Reset())
            self._outbox.hold()
            self._needs_key = True
        for row in self._ledger.unsent():
            if row.frame is not None:
                check_codec(row.frame.codec, welcome)
        return came

    def _flushed(self, flushed: notices.Flushed) -> list[Event]:
        dropped = self._without_answer(flushed.sequence)
        if flushed.id == _RESUMED:
            self._outbox.release_frames()
            return dropped
        self._outbox.answered(messages.Flush(flushed.id))
        return [*dropped, events.FlushDone(flushed.id)]

    def _without_answer(self, sequence: int) -> list[Event]:
        """Everything up to a sequence is answered: what is still open was dropped.

        A server repeats results after a resume, but not what it said of frames without one.
        """
        rows = [self._ledger.answer(each) for each in self._ledger.open_until(sequence)]
        return [events.Dropped(row.index, "lost") for row in rows if row is not None]

    def _prompted(self, prompted: notices.Prompted) -> list[Event]:
        prompts = messages.Prompts(tuple(each.text for each in prompted.prompts))
        if self._outbox.answered(prompts):
            self._ledger.change_prompts(prompts)
        return [events.PromptsChanged(prompted.from_sequence, prompted.prompts)]

    def _answered(self, result: ResultMessage) -> list[Event]:
        if result.provisional:
            index = self._ledger.index_in_flight(result.sequence)
            return [] if index is None else [events.Provisional(index, result)]
        dropped = self._without_answer(result.sequence - 1)
        row = self._ledger.answer(result.sequence)
        if result.durable:
            self._ledger.mark_durable(result.sequence)
        if row is None:
            return dropped
        self._num_unacked += 1
        if self._num_unacked >= _ACK_EVERY:
            self._num_unacked = 0
            self._outbox.send_now(messages.Ack(self._ledger.last_sequence))
        return [*dropped, events.Answered(row.index, result)]

    def _dropped(self, drop: notices.Drop) -> list[Event]:
        if drop.reason == "undecodable" and not self._ledger.has_key_after(drop.last):
            self._needs_key = True
        rows = [self._ledger.answer(each) for each in self._ledger.within(drop.first, drop.last)]
        return [events.Dropped(row.index, drop.reason) for row in rows if row is not None]

    def _reset(self, reset: notices.ResetNotice) -> list[Event]:
        """A new memory; frames that the server has not taken are sent anew in its epoch."""
        lost: list[int] = []
        if reset.epoch != self.epoch:
            for frame in self._ledger.sent_from(reset.next_sequence):
                self._outbox.grant(1, frame.num_bytes)
            lost = self._ledger.restart_at(reset.next_sequence)
        self.epoch = reset.epoch
        if reset.reason == "client":
            self._outbox.answered(messages.Reset())
        self._outbox.release()
        return [
            events.IdentitiesReset(reset.epoch, reset.reason),
            *(events.Dropped(index, "lost") for index in lost),
        ]

    def _refused(self, message: notices.ErrorMessage) -> list[Event]:
        error = message.to_error()
        if isinstance(error, SequenceGapError) and not message.fatal:
            raise error
        if isinstance(error, BadMessageError) and self._outbox.prompts_refused():
            return [events.PromptsRefused(error)]
        return [events.Refused(error, message.fatal)]
