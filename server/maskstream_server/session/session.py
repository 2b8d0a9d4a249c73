"""The rules of one session, without I/O: events in, actions out (docs/protocol.md 2 to 7).

Frames are answered in order of arrival. Event methods return what to do, in order; `Close` ends it.
"""

from collections.abc import Iterable
from typing import Final

from maskstream_model.aliases import Frame
from maskstream_protocol import messages, notices
from maskstream_protocol.errors import (
    BadMessageError,
    FrameHeaderError,
    FrameTooLargeError,
    RateLimitedError,
    SequenceGapError,
    StaleEpochError,
    TakenOverError,
    WireError,
)
from maskstream_protocol.frames import decode_frame
from maskstream_protocol.results import ResultMessage
from maskstream_server.events.observation import Seen
from maskstream_server.session.actions import (
    Action,
    Close,
    ConfirmToken,
    DeleteSession,
    Prime,
    SendMessage,
)
from maskstream_server.session.admission import (
    LeadIn,
    Terms,
    check_content,
    check_credit,
    check_place,
    parse_text,
)
from maskstream_server.session.credit import CreditLedger
from maskstream_server.session.faults import FaultRows
from maskstream_server.session.line import FlushMark, FrameTask, ResetMark
from maskstream_server.session.memory import Beginning
from maskstream_server.session.outgoing import OutgoingMessages
from maskstream_server.session.pipeline import Chain, Pipeline, WorkTimes
from maskstream_server.session.prompt_changes import PromptChanges
from maskstream_server.session.reporting import StepReport
from maskstream_server.token_bucket import TokenBucket

MAX_REQUESTS: Final = 64
DONE, INTERNAL, RESTART, IDLE = 1000, 1011, 1012, 4408


class Session:
    """The state machine of one connection; `closed` once it has asked for its end."""

    def __init__(self, terms: Terms, beginning: Beginning) -> None:
        memory = beginning.memory
        self._terms = terms
        self._epoch = memory.epoch
        self._next = memory.sequence + 1
        self._lead_in = LeadIn(self._next)
        self._rows = FaultRows(terms.credit.frames)
        self._texts = TokenBucket(terms.messages_per_s, 2 * terms.messages_per_s)
        self._ledger = CreditLedger(terms.credit)
        self._outgoing = OutgoingMessages(beginning, terms.credit, self._ledger, self._rows)
        self._prompts = PromptChanges(memory.prompts)
        self._pipeline = Pipeline(terms, Chain.of(beginning), memory.last_result)
        self._line = self._pipeline.line
        self._confirmed = self._leaving = self._draining = self.closed = False
        self._out: list[Action] = []

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way."""
        return self._pipeline.at_rest

    # What the client sends.

    def text(self, text: str, now_s: float) -> list[Action]:
        """Take a text message."""
        if self._ignores(len(text)):
            return self._turn()
        try:
            if not self._texts.spend(1, now_s):
                raise RateLimitedError("Control messages come too fast.")
            self._control(parse_text(text))
        except WireError as error:
            self._refuse(error)
        return self._turn()

    def binary(self, data: bytes, now_s: float) -> list[Action]:
        """Take a binary message."""
        if self._ignores(len(data)):
            return self._turn()
        try:
            self._frame(data, now_s)
        except WireError as error:
            self._refuse(error)
        return self._turn()

    # What the shell reports.

    def decoded(self, sequence: int, picture: Frame, decode_s: float) -> list[Action]:
        """Take the upright picture of a `Decode`."""
        superseded = self._pipeline.decoded(sequence, picture, decode_s)
        self._do(self._outgoing.superseded(old) for old in superseded)
        return self._turn()

    def not_primed(self, error: WireError) -> list[Action]:
        """Take the failure of a `Prime`; units that build on it fail in their turn."""
        self._refuse(error)
        return self._turn()

    def stepped(
        self, sequence: int | None, report: StepReport, times: WorkTimes, now_s: float
    ) -> list[Action]:
        """Take the result of a `StepModel`."""
        self._do(self._pipeline.stepped(sequence, report, times, now_s))
        return self._turn()

    def encoded(
        self, sequence: int, answer: ResultMessage, final: bool = True, seen: Seen = ()
    ) -> list[Action]:
        """Take the message of an `Encode`, and the frame's tracks as rules see them."""
        self._do(self._pipeline.encoded(sequence, answer, final, seen))
        return self._turn()

    def failed(self, sequence: int | None, error: WireError) -> list[Action]:
        """Take the failure of a `Decode`, `StepModel` or `Encode`: the frame is dropped."""
        self._pipeline.failed(sequence, error)
        return self._turn()

    def prompts_checked(self, error: WireError | None) -> list[Action]:
        """Take what the model says to a `CheckPrompts`: None where it takes them."""
        if error is not None:
            self._refuse(error)
        tasks, classes = self._line.tasks(), self._outgoing.classes
        self._do(self._prompts.checked(error is None, tasks, classes))
        return self._turn()

    def durable(self, epoch: int, sequence: int) -> list[Action]:
        """Note that everything up to `sequence` is committed, and the reset to `epoch`."""
        self._outgoing.durable(epoch, sequence)
        return self._turn()

    def store_away(self) -> list[Action]:
        """Note that commits fail now."""
        self._do(self._outgoing.store_away())
        return self._turn()

    def store_back(self) -> list[Action]:
        """Note that commits work again."""
        self._do(self._outgoing.store_back())
        return self._turn()

    def taken_over(self) -> list[Action]:
        """Note that another connection has the session now."""
        self._end(TakenOverError("The session continues over a newer connection."))
        return self._turn()

    def going_away(self, in_ms: int, reason: str) -> list[Action]:
        """Take no more frames; close with 1012 when all that came is answered and durable."""
        if not self._draining:
            self._draining = True
            self._say(notices.GoAway(in_ms, reason))
        return self._turn()

    def close(self, code: int) -> list[Action]:
        """Close now; the session can be resumed."""
        self._do([Close(code)])
        return self._turn()

    def crashed(self, error: WireError) -> list[Action]:
        """Close after a fault of this server."""
        self._end(error)
        return self._turn()

    # Messages.

    def _ignores(self, size: int) -> bool:
        """Whether a message is left unread; one over twice the limit ends the connection."""
        limit = self._terms.max_frame_bytes
        if size > 2 * limit:
            self._end(FrameTooLargeError(f"A message of {size} is over twice the limit {limit}."))
        return self.closed or self._leaving

    def _control(self, message: messages.ClientMessage | None) -> None:
        match message:
            case messages.Hello():
                raise BadMessageError("This connection has had its hello.")
            case messages.Ack(sequence):
                self._outgoing.acked(sequence)
                self._confirm_token()
            case messages.Flush(flush_id):
                self._request(FlushMark(flush_id))
            case messages.Reset():
                self._request(ResetMark(self._epoch + 1))
                self._epoch += 1
            case messages.Prompts(prompts):
                self._prompt(prompts)
            case messages.Ping(ping_id):
                self._say(notices.Pong(ping_id))
            case messages.Bye():
                self._leaving = True
        self._rows.clear(BadMessageError, FrameHeaderError)

    def _request(self, mark: FlushMark | ResetMark) -> None:
        if self._line.num_marks + self._outgoing.num_waiting >= MAX_REQUESTS:
            raise BadMessageError(f"More than {MAX_REQUESTS} requests wait for their answer.")
        self._line.add(mark)

    def _prompt(self, prompts: tuple[str, ...]) -> None:
        """Segment by these from the next frame on, if the model takes them."""
        if not self._terms.takes_prompts:
            raise BadMessageError("The model of this session takes no prompts.")
        self._do(self._prompts.ask(prompts, self._next))

    def _frame(self, data: bytes, now_s: float) -> None:
        frame = decode_frame(data)
        self._rows.frame(frame.epoch, self._epoch)
        self._confirm_token()
        if self._draining:
            return  # not counted: the client sends it again where it resumes
        if frame.decoder_only:
            self._lead_in.check_place(frame, self._epoch, self._next)
            check_content(frame, len(data), self._terms)
            return self._do([Prime(frame)])
        check_place(frame, self._epoch, self._next)
        check_credit(self._ledger, frame, len(data))
        self._next += 1
        self._rows.clear(StaleEpochError, SequenceGapError)
        task = FrameTask(frame, len(data), now_s, self._prompts.current, bool(self._prompts))
        try:
            check_content(frame, len(data), self._terms)
        except WireError as error:
            task.fail(error)
        self._do(self._outgoing.superseded(old) for old in self._pipeline.add(task))

    def _confirm_token(self) -> None:
        """Expire the previous token: a frame or an ack shows that `welcome` has arrived."""
        if not self._confirmed:
            self._confirmed = True
            self._out.append(ConfirmToken())

    # Answers.

    def _turn(self) -> list[Action]:
        """Return all that the last event has made possible."""
        while not self.closed and (item := self._line.next_ready()) is not None:
            at = self._answered_up_to
            self._do(self._outgoing.answer(item, at, self._next, self._prompts.current))
        if not self.closed:
            at_rest = self.at_rest
            self._do(self._pipeline.start_work(self._leaving))
            self._do(self._outgoing.commit_tail(self._answered_up_to) if at_rest else [])
            self._do(self._outgoing.answer_requests())
            self._do(self._outgoing.return_credit(at_rest))
            self._leave()
        out, self._out = self._out, []
        return out

    @property
    def _answered_up_to(self) -> int:
        """Last frame up to which everything is answered or dropped."""
        first = self._line.first_task()
        return first.frame.sequence - 1 if first else self._next - 1

    # Ends.

    def _leave(self) -> None:
        """Close where the client said `bye`, or this server goes away, and all is answered."""
        # A server that goes away leaves pending frames: the client sends them again elsewhere.
        if self._line.num_marks or (self._outgoing.num_waiting and not self._outgoing.away):
            return
        if self._leaving and not self._line and not self._prompts:
            self._do([DeleteSession(), Close(DONE)])
        elif self._draining and not self._leaving and self.at_rest and self._outgoing.all_durable:
            self._do([Close(RESTART)])

    def _refuse(self, error: WireError) -> None:
        """Report an error that consumes nothing; one too many ends the connection."""
        if (close_code := self._rows.count(error)) is None:
            self._say(notices.ErrorMessage.of(error))
        else:
            self._end(error, close_code)

    def _end(self, error: WireError, close_code: int | None = None) -> None:
        self._say(notices.ErrorMessage.of(error, fatal=True))
        self._do([Close(close_code or error.close_code or INTERNAL)])

    def _say(self, message: notices.ServerMessage) -> None:
        self._do([SendMessage(message)])

    def _do(self, actions: Iterable[Action]) -> None:
        """Queue actions; nothing follows a `Close`."""
        for action in actions:
            if not self.closed:
                self._out.append(action)
                self.closed = isinstance(action, Close)
