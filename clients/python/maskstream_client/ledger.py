"""The frames of a session that are not both answered and durable, in the order of their sequence.

A frame is kept until the server says that its memory is durable, so that it can be sent again
(protocol.md section 5). What is kept is bounded: beyond the bound the oldest answered frames are
let go, and a server that asks for one of them has to start over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from maskstream_protocol.frames import FrameMessage

MAX_KEPT_BYTES: Final = 64 * 2**20


@dataclass
class KeptFrame:
    """One frame.

    Attributes:
        index: among all frames that were pushed, from 0; the user's name for it.
        sequence: its place in the session.
        frame: None once it is durable (or let go).
        answered: its result or drop has arrived.
        sent: on the present connection.
    """

    index: int
    sequence: int
    frame: FrameMessage | None
    answered: bool = False
    sent: bool = False


class Ledger:
    """Which frames wait for what."""

    def __init__(self, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._rows: dict[int, KeptFrame] = {}
        self._max_kept_bytes = max_kept_bytes
        self._kept_bytes = 0
        self._num_pushed = 0
        self.next_sequence = 1

    @property
    def last_sequence(self) -> int:
        """The last sequence up to which every answer has arrived."""
        open_rows = (row.sequence for row in self._rows.values() if not row.answered)
        return next(open_rows, self.next_sequence) - 1

    @property
    def num_in_flight(self) -> int:
        """Frames that wait for their answer."""
        return sum(not row.answered for row in self._rows.values())

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

    def sent_from(self, sequence: int) -> Iterator[KeptFrame]:
        """The frames from `sequence` on that were sent on this connection."""
        return (row for row in self._rows.values() if row.sequence >= sequence and row.sent)

    def add(self, frame: FrameMessage) -> int:
        """Take a new frame and give it the next sequence; returns its index."""
        row = KeptFrame(self._num_pushed, self.next_sequence, None)
        row.frame = replace(frame, sequence=row.sequence)
        self._rows[row.sequence] = row
        self._kept_bytes += row.frame.num_bytes
        self._num_pushed += 1
        self.next_sequence += 1
        return row.index

    def answer(self, sequence: int) -> KeptFrame | None:
        """Note that a frame's answer arrived; None where it had before, or is unknown."""
        row = self._rows.get(sequence)
        if row is None or row.answered:
            return None
        row.answered = True
        self._tidy(row)
        self._bound()
        return row

    def settle(self, durable_sequence: int) -> None:
        """Note that everything up to a sequence is durable: those frames are not sent again."""
        settled = [row for row in self._rows.values() if row.sequence <= durable_sequence]
        for row in settled:
            self._let_go(row)

    def resume_at(self, sequence: int) -> bool:
        """Send again from `sequence`; False where a frame that would be needed is gone."""
        self.settle(sequence - 1)
        self.next_sequence = max(self.next_sequence, sequence)
        for row in self._rows.values():
            row.sent = False
        needed = range(sequence, self.next_sequence)
        return all(self._has(each) for each in needed)

    def restart_at(self, sequence: int) -> list[int]:
        """Begin a new memory: the unanswered frames from `sequence` on are sent anew, numbered so.

        Returns:
            Indices of frames that cannot be sent anew, since they were let go.
        """
        rows = [row for row in self._rows.values() if row.sequence >= sequence]
        for row in [row for row in self._rows.values() if row.answered]:
            self._let_go(row)
        for row in rows:
            self._rows.pop(row.sequence, None)
        self.next_sequence = sequence
        for row in rows:
            if not row.answered and row.frame is not None:
                row.sequence, row.sent = self.next_sequence, False
                row.frame = replace(row.frame, sequence=row.sequence)
                self._rows[row.sequence] = row
                self.next_sequence += 1
        return [row.index for row in rows if not row.answered and row.frame is None]

    def skip_to(self, sequence: int) -> list[int]:
        """Let go of everything from `sequence` on; returns the indices that stay unanswered."""
        rows = [row for row in self._rows.values() if row.sequence >= sequence]
        self.settle(sequence - 1)
        for row in rows:
            self._forget_bytes(row)
            del self._rows[row.sequence]
        self.next_sequence = sequence
        return [row.index for row in rows if not row.answered]

    def _has(self, sequence: int) -> bool:
        row = self._rows.get(sequence)
        return row is not None and row.frame is not None

    def _let_go(self, row: KeptFrame) -> None:
        self._forget_bytes(row)
        row.frame = None
        self._tidy(row)

    def _forget_bytes(self, row: KeptFrame) -> None:
        if row.frame is not None:
            self._kept_bytes -= row.frame.num_bytes

    def _tidy(self, row: KeptFrame) -> None:
        if row.answered and row.frame is None:
            self._rows.pop(row.sequence, None)

    def _bound(self) -> None:
        for row in list(self._rows.values()):
            if self._kept_bytes <= self._max_kept_bytes:
                return
            if row.answered:
                self._let_go(row)
