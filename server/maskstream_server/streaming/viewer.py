"""What one viewer of a session is sent: a bounded queue, and word of what it has missed; pure."""

from collections import deque
from typing import Final

from maskstream_protocol.notices import Drop
from maskstream_protocol.results import dropped_before, mark_durable
from maskstream_server.stores.interface import KeptResult

MAX_WAITING: Final = 32
"""Results that wait for a viewer; more push the oldest out."""


class Viewer:
    """Takes results with `add`, returns messages with `take`, from `begin` on.

    Attributes:
        ended: whether the session was deleted.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._waiting: deque[KeptResult] = deque(maxlen=max_waiting)
        self._last = 0
        self.ended = False

    def begin(self, sequence: int) -> None:
        """What was committed up to here is not shown."""
        self._last = sequence

    def add(self, result: KeptResult | None) -> None:
        """Take a result; None is the session's end."""
        if result is None:
            self.ended = True
        else:
            self._waiting.append(result)

    def take(self) -> list[str | bytes]:
        """Return the next result's message, behind a `drop` for those missed before it; or none.

        A result says how many frames of the session itself had none: what is before them and
        was not shown has been missed, here or on the way from the store.
        """
        while self._waiting:
            result = self._waiting.popleft()
            if result.sequence <= self._last:
                continue
            before, self._last = self._last, result.sequence
            previous = result.sequence - dropped_before(result.message) - 1
            messages: list[str | bytes] = []
            if previous > before:
                messages.append(Drop(before + 1, previous, "superseded").to_json())
            return [*messages, mark_durable(result.message)]
        return []
