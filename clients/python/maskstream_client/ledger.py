"""The frames of a session that are not both answered and durable, in the order of their sequence.

A frame is kept until the server says that its memory is durable, so that it can be sent again
(docs/protocol.md 5). What is kept is bounded: beyond the bound the oldest answered frames are
dropped, and a server that asks for one of them has to start over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from maskstream_client.lead_in import LeadIn
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.messages import Prompts

MAX_KEPT_BYTES: Final = 64 * 2**20


@dataclass
class KeptFrame:
    """One frame.

    Attributes:
        index: among all frames that were pushed, from 0; the user's name for it.
        frame: None once it is durable (or dropped).
        answered: its result or drop has arrived.
        sent: on the present connection.
        prompts: a change in front of it, which is sent again with it.
        prompts_sent: that change was sent on the present connection.
    """

    index: int
    sequence: int
    frame: FrameMessage | None
    answered: bool = False
    sent: bool = False
    prompts: Prompts | None = None
    prompts_sent: bool = False


class Ledger:
    """Which frames wait for what.

    Args:
        max_kept_bytes: of frames that are kept though they are answered.
        prompts: those of the session as it begins.

    Attributes:
        min_kept_frames: so many are kept whatever their size: as many as a server may ask for.
        durable_prompts: those of the durable memory; None where they are not known.
        lead_in: durable units that later ones may build on.
    """

    def __init__(
        self, max_kept_bytes: int = MAX_KEPT_BYTES, prompts: tuple[str, ...] | None = None
    ) -> None:
        self._rows: dict[int, KeptFrame] = {}
        self._max_kept_bytes = max_kept_bytes
        self._kept_bytes = 0
        self._num_pushed = 0
        self._next_prompts: Prompts | None = None
        self._next_prompts_sent = False
        self.next_sequence = 1
        self.min_kept_frames = 0
        self.durable_prompts = prompts
        self.lead_in = LeadIn(max_kept_bytes)

    @property
    def last_sequence(self) -> int:
        """The last sequence up to which every answer has arrived."""
        open_rows = (row.sequence for row in self._rows.values() if not row.answered)
        return next(open_rows, self.next_sequence) - 1

    @property
    def num_in_flight(self) -> int:
        """Frames that wait for their answer."""
        return sum(not row.answered for row in self._rows.values())

    @property
    def has_prompts_to_commit(self) -> bool:
        """Whether prompts were changed and the durable memory may not have the change."""
        return self._next_prompts is not None or any(row.prompts for row in self._rows.values())

    def has_key_after(self, sequence: int) -> bool:
        """Whether a key frame follows a frame here."""
        rows = self._rows.values()
        return any(
            r.frame is not None and r.frame.key_frame and r.sequence > sequence for r in rows
        )

    def unsent(self) -> Iterator[KeptFrame]:
        """The frames still to be sent on this connection, in order."""
        return (row for row in self._rows.values() if row.frame is not None and not row.sent)

    def within(self, first: int, last: int) -> list[int]:
        """The sequences from `first` to `last` that are kept here."""
        return [sequence for sequence in self._rows if first <= sequence <= last]

    def open_until(self, sequence: int) -> list[int]:
        """The sequences up to this one whose answer has not arrived."""
        rows = self._rows.values()
        return [row.sequence for row in rows if row.sequence <= sequence and not row.answered]

    def index_in_flight(self, sequence: int) -> int | None:
        """The index of a frame that waits for its answer; None for any other."""
        row = self._rows.get(sequence)
        return None if row is None or row.answered else row.index

    def sent_from(self, sequence: int) -> Iterator[FrameMessage]:
        """The frames from `sequence` on that were sent on this connection."""
        rows = (row for row in self._rows.values() if row.sequence >= sequence and row.sent)
        return (row.frame for row in rows if row.frame is not None)

    def add(self, frame: FrameMessage) -> int:
        """Take a new frame and give it the next sequence; returns its index."""
        row = self._append(self._num_pushed, frame, self._next_prompts)
        row.prompts_sent = self._next_prompts_sent
        self._next_prompts = None
        self._num_pushed += 1
        return row.index

    def change_prompts(self, prompts: Prompts) -> None:
        """Note that the server has taken new prompts, for the next frame on."""
        self._next_prompts, self._next_prompts_sent = prompts, True

    def answer(self, sequence: int) -> KeptFrame | None:
        """Note that a frame's answer arrived; None where it had before, or is unknown."""
        row = self._rows.get(sequence)
        if row is None or row.answered:
            return None
        row.answered = True
        self._forget_complete(row)
        self._bound()
        return row

    def mark_durable(self, durable_sequence: int) -> None:
        """Note that everything up to a sequence is durable: those frames are not sent again."""
        for row in [row for row in self._rows.values() if row.sequence <= durable_sequence]:
            if row.prompts is not None:
                self.durable_prompts, row.prompts = row.prompts.prompts, None
            if row.frame is not None:
                self.lead_in.passed(row.frame)
            self._drop_frame(row)

    def resume_at(self, sequence: int) -> bool:
        """Send again from `sequence`; False where a frame that would be needed is gone."""
        self.mark_durable(sequence - 1)
        self.next_sequence = max(self.next_sequence, sequence)
        for row in self._rows.values():
            row.sent = row.prompts_sent = False
        self._next_prompts_sent = False
        self.lead_in.resumed()
        rows = map(self._rows.get, range(sequence, self.next_sequence))
        return all(row is not None and row.frame is not None for row in rows)

    def restart_at(self, sequence: int) -> list[int]:
        """Begin a new memory: the unanswered frames from `sequence` on are sent anew, numbered so.

        Returns:
            Indices of frames that cannot be sent anew, since they were dropped.
        """
        removed = self._remove(lambda row: row.answered or row.sequence >= sequence)
        self.next_sequence = sequence
        prompts = None
        for row in removed:
            if row.frame is not None and row.sequence < sequence:
                self.lead_in.passed(row.frame)
            prompts = row.prompts or prompts
            if row.frame is not None and not row.answered:
                self._append(row.index, row.frame, prompts)
                prompts = None
        self._repeat_prompts(prompts)
        return [row.index for row in removed if row.frame is None and not row.answered]

    def skip_to(self, sequence: int) -> list[int]:
        """Drop everything from `sequence` on; returns the indices that stay unanswered."""
        self.mark_durable(sequence - 1)
        removed = self._remove(lambda row: row.sequence >= sequence)
        self.lead_in.clear()
        self.next_sequence = sequence
        self._repeat_prompts(next((row.prompts for row in reversed(removed) if row.prompts), None))
        return [row.index for row in removed if not row.answered]

    def _append(self, index: int, frame: FrameMessage, prompts: Prompts | None) -> KeptFrame:
        frame = replace(frame, sequence=self.next_sequence)
        row = self._rows[frame.sequence] = KeptFrame(index, frame.sequence, frame, prompts=prompts)
        self._kept_bytes += frame.num_bytes
        self.next_sequence += 1
        return row

    def _remove(self, is_gone: Callable[[KeptFrame], bool]) -> list[KeptFrame]:
        removed = [row for row in self._rows.values() if is_gone(row)]
        for row in removed:
            del self._rows[row.sequence]
            self._kept_bytes -= 0 if row.frame is None else row.frame.num_bytes
        return removed

    def _repeat_prompts(self, prompts: Prompts | None) -> None:
        """Send prompts whose frames are gone in front of the next frame."""
        self._next_prompts = self._next_prompts or prompts
        self._next_prompts_sent = False

    def _drop_frame(self, row: KeptFrame) -> None:
        if row.frame is not None:
            self._kept_bytes -= row.frame.num_bytes
            row.frame = None
        self._forget_complete(row)

    def _forget_complete(self, row: KeptFrame) -> None:
        if row.answered and row.frame is None:
            self._rows.pop(row.sequence, None)

    def _bound(self) -> None:
        prompts = None
        for row in list(self._rows.values()):
            row.prompts = row.prompts or prompts  # of frames that were dropped before it
            if self._kept_bytes <= self._max_kept_bytes or len(self._rows) <= self.min_kept_frames:
                return
            prompts = row.prompts if row.answered else None
            if row.answered:
                self._drop_frame(row)
