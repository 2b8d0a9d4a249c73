"""What goes out for answered frames: results, drops, commits, credit and `flushed` (pure)."""

from collections import deque
from dataclasses import replace
from typing import Any, Final

from maskstream_protocol import notices
from maskstream_protocol.errors import (
    CodecUnsupportedError,
    FrameTooLargeError,
    FrameUndecodableError,
    InternalError,
    StoreAwayError,
)
from maskstream_protocol.rule_events import RuleEvent
from maskstream_server.events.found import FoundEvent
from maskstream_server.events.memory import NO_EVENTS
from maskstream_server.events.observation import Observation
from maskstream_server.events.stepping import step
from maskstream_server.session.actions import Action, Close, CommitMemory, SendMessage, SendResult
from maskstream_server.session.credit import CreditLedger, CreditLimit
from maskstream_server.session.faults import FaultRows
from maskstream_server.session.line import FlushMark, FrameTask, Item, ResetMark
from maskstream_server.session.memory import Beginning, SessionMemory
from maskstream_server.session.prompts import SessionPrompts

REFUSED: Final = (FrameTooLargeError, CodecUnsupportedError, FrameUndecodableError)


class OutgoingMessages:
    """Outgoing side of a session: results, commits, credit, and replies that wait for them.

    Args:
        beginning: where the session continues; the results that the store keeps count, too.
        limit: of the credit: as many results are kept as it has frames.
        ledger: see below.
        rows: errors in a row.

    Attributes:
        memory: the memory after the last answered frame.
        ledger: the client's credit.
        away: whether commits do not work now.
        classes: of the tracks that the client knows.
    """

    def __init__(
        self, beginning: Beginning, limit: CreditLimit, ledger: CreditLedger, rows: FaultRows
    ) -> None:
        memory = beginning.memory
        self.memory = memory
        self.ledger = ledger
        self.away = False
        self._rows = rows
        self._latest = deque(beginning.kept, maxlen=limit.frames)
        self._rules, self._events = beginning.rules, memory.events
        self._last_result, self._epoch_began = memory.last_result, memory.epoch_began
        self.classes = memory.classes
        self._unsaved: list[tuple[int, bytes]] = []
        self._unsaved_events: list[FoundEvent] = []
        # Frames that are answered and that the memory does not hold: index and sequence.
        self._ahead: deque[tuple[int, int]] = deque()
        self._requests: list[tuple[tuple[int, int], notices.Flushed | notices.ResetNotice]] = []
        # Epoch and sequence: a reset is a commit of its own.
        self._durable = (memory.epoch, memory.sequence)
        self._announced = memory.sequence
        self._acked = 0

    def answer(
        self, item: Item, answered: int, next_sequence: int, prompts: SessionPrompts
    ) -> list[Action]:
        """Answer what is first in the line; everything up to `answered` is."""
        match item:
            case FlushMark(flush_id):
                self.flush(flush_id, answered)
            case ResetMark(epoch):
                return self.reset(epoch, answered, next_sequence, prompts)
            case FrameTask(error=None, answer=None):
                self.repeated(item)
            case FrameTask(error=None):
                return self.result(item, answered)
            case FrameTask():
                return self.drop(item)
        return []

    def result(self, task: FrameTask, answered: int) -> list[Action]:
        """Send a result; commit it where there is a memory that belongs to it."""
        assert task.answer is not None
        sequence = task.frame.sequence
        message = replace(
            task.answer,
            dropped=sequence - self._last_result - 1,
            first_of_epoch=not self._epoch_began,
            events=self._step_rules(task),
        ).encode()
        self._rows.clear(*REFUSED, InternalError)
        self._last_result, self._epoch_began = sequence, True
        self.classes = task.classes
        self._unsaved.append((sequence, message))
        self._latest.append(sequence)
        self.ledger.give_back(task.num_bytes)
        return [
            SendResult(message, task.arrived_s, sequence),
            *self._save_checkpoint(task, answered),
        ]

    def _step_rules(self, task: FrameTask) -> tuple[RuleEvent, ...]:
        """Return what the rules find on a frame, and remember it."""
        if not self._rules:
            return ()
        frame = task.frame
        seen = Observation(frame.sequence, frame.epoch, frame.pts_us, task.seen)
        events, self._events = step(self._rules, self._events, seen)
        self._unsaved_events += [
            FoundEvent(frame.sequence, frame.epoch, frame.pts_us, event) for event in events
        ]
        return events

    def repeated(self, task: FrameTask) -> None:
        """Take a frame that had its result on an earlier connection."""
        self.ledger.give_back(task.num_bytes)

    def _save_checkpoint(self, task: FrameTask, answered: int) -> list[Action]:
        self._ahead.append((task.index, task.frame.sequence))
        checkpoint, sequence = task.checkpoint, 0
        if checkpoint is None:
            return []
        while self._ahead and self._ahead[0][0] <= checkpoint.index:
            _, sequence = self._ahead.popleft()
        sequence = sequence if self._ahead else answered
        if (task.frame.epoch, sequence) <= (self.memory.epoch, self.memory.sequence):
            return []
        self.memory = replace(
            self.memory,
            epoch=task.frame.epoch,
            sequence=sequence,
            last_result=self._last_result,
            epoch_began=True,
            mentioned=task.mentioned,
            prompts=task.prompts,
            classes=task.classes,
            events=self._events,
            model_parts=checkpoint.parts,
        )
        return [self.save()]

    def drop(self, task: FrameTask) -> list[Action]:
        """Report a frame that failed; one too many in a row ends the connection."""
        assert task.error is not None
        error, sequence = task.error, task.frame.sequence
        error.sequence = sequence
        internal = isinstance(error, InternalError)
        self._rows.clear(*(REFUSED if internal else (InternalError,)))
        close_code = self._rows.count(error)
        self.ledger.give_back(task.num_bytes)
        actions: list[Action] = [
            SendMessage(notices.ErrorMessage.of(error, fatal=close_code is not None)),
            SendMessage(
                notices.Drop(sequence, sequence, "internal" if internal else "undecodable")
            ),
        ]
        return actions if close_code is None else [*actions, Close(close_code)]

    def superseded(self, task: FrameTask) -> Action:
        """Report at once a frame that a newer one replaced, so that its credit comes back."""
        self.ledger.give_back(task.num_bytes)
        return SendMessage(notices.Drop(task.frame.sequence, task.frame.sequence, "superseded"))

    def reset(
        self, epoch: int, answered: int, next_sequence: int, prompts: SessionPrompts
    ) -> list[Action]:
        """Begin an epoch: all tracks are forgotten, in the store too.

        It is announced when it is durable: a client that lacks it asks again after a resume; one
        that has would continue with the tracks that it had seen forgotten.
        """
        self._epoch_began = False
        self._ahead.clear()
        self.classes = {}
        self._events = NO_EVENTS
        self.memory = SessionMemory(
            epoch,
            answered,
            self._last_result,
            fingerprint=self.memory.fingerprint,
            prompts=prompts,
            reported=self.memory.reported,
            rules=self.memory.rules,
            fps=self.memory.fps,
            webhook=self.memory.webhook,
        )
        self._requests.append(
            ((epoch, answered), notices.ResetNotice(epoch, "client", next_sequence))
        )
        return [self.save()]

    def commit_tail(self, answered: int) -> list[Action]:
        """Commit drops that no later result will carry along."""
        if self._ahead or answered <= self.memory.sequence:
            return []
        self.memory = replace(self.memory, sequence=answered)
        return [self.save()]

    def save(self) -> CommitMemory:
        """Return the commit of the answered memory, with the results since the last one.

        As many results are kept as the credit has frames. They are counted, not computed from
        sequences: with `latest`, any number of frames may have been dropped between two of them.
        """
        memory = self.memory
        is_full = len(self._latest) == self._latest.maxlen
        keep_after = max(self._acked, self._latest[0] - 1 if is_full else 0)
        results, self._unsaved = tuple(self._unsaved), []
        events, self._unsaved_events = tuple(self._unsaved_events), []
        parts = memory.to_parts()
        return CommitMemory(memory.epoch, memory.sequence, parts, results, keep_after, events)

    def acked(self, sequence: int) -> None:
        """Note that the client has every result up to here: they need not be kept."""
        self._acked = max(self._acked, min(sequence, self._last_result))

    def durable(self, epoch: int, sequence: int) -> None:
        """Note that everything up to `sequence` is committed, and the reset to `epoch`."""
        self._durable = max(self._durable, (epoch, sequence))

    def store_away(self) -> list[Action]:
        """Note that commits do not work now; say so once."""
        if self.away:
            return []
        self.away = True
        error = StoreAwayError("Results are not durable until the session store is back.")
        return [SendMessage(notices.ErrorMessage.of(error))]

    def store_back(self) -> list[Action]:
        """Note that commits work again."""
        was_away, self.away = self.away, False
        return [SendMessage(notices.StoreBack())] if was_away else []

    @property
    def all_durable(self) -> bool:
        """Whether nothing waits for the store (or waiting for it is of no use now)."""
        return self.away or self._durable >= (self.memory.epoch, self.memory.sequence)

    def flush(self, flush_id: Any, answered: int) -> None:
        """Queue a `flushed`: everything up to `answered` is answered, but perhaps not durable."""
        self._requests.append(((self.memory.epoch, answered), notices.Flushed(flush_id, answered)))

    @property
    def num_waiting(self) -> int:
        """How many requests wait for the store."""
        return len(self._requests)

    def answer_requests(self) -> list[Action]:
        """Answer what is durable by now; a reset does not wait for an unavailable store."""
        requests, self._requests = self._requests, []
        actions: list[Action] = []
        for at, message in requests:
            is_reset = isinstance(message, notices.ResetNotice)
            if at <= self._durable or (self.away and is_reset):
                actions.append(SendMessage(message))
            else:
                self._requests.append((at, message))
        return actions

    def return_credit(self, at_rest: bool) -> list[Action]:
        """Return credit when it is urgent, or when there is nothing to wait for."""
        durable = self._durable[1]
        news = self.ledger.is_due or durable > self._announced
        if not self.ledger.is_pressing and not (at_rest and self.all_durable and news):
            return []
        returned = self.ledger.take_due()
        self._announced = durable
        return [SendMessage(notices.Credit(returned.frames, returned.num_bytes, durable))]
