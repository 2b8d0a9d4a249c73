"""The credit of a client: what it may send, and when it gets more (docs/protocol.md 4). Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CreditLimit:
    """What may be on the way at once; `num_bytes` counts whole WebSocket messages."""

    frames: int
    num_bytes: int


class CreditLedger:
    """Counts frames from their arrival until the client has got their credit back."""

    def __init__(self, limit: CreditLimit) -> None:
        self._limit = limit
        self._spent_frames = 0
        self._spent_bytes = 0
        self._due_frames = 0
        self._due_bytes = 0

    def spend(self, num_bytes: int) -> bool:
        """Count one message that arrived; False (and nothing counted) beyond the credit."""
        if self._spent_frames + 1 > self._limit.frames:
            return False
        if self._spent_bytes + num_bytes > self._limit.num_bytes:
            return False
        self._spent_frames += 1
        self._spent_bytes += num_bytes
        return True

    def give_back(self, num_bytes: int) -> None:
        """Mark the credit of a frame that has its result or drop for return."""
        self._due_frames += 1
        self._due_bytes += num_bytes

    @property
    def is_due(self) -> bool:
        """Whether any credit waits to be returned."""
        return self._due_frames > 0

    @property
    def is_pressing(self) -> bool:
        """Whether credit waits to be returned while half of the credit, of either kind, is out."""
        half_out = (
            2 * self._spent_frames >= self._limit.frames
            or 2 * self._spent_bytes >= self._limit.num_bytes
        )
        return self.is_due and half_out

    def take_due(self) -> CreditLimit:
        """Take what waits to be returned, for a `credit` message."""
        returned = CreditLimit(self._due_frames, self._due_bytes)
        self._spent_frames -= returned.frames
        self._spent_bytes -= returned.num_bytes
        self._due_frames = self._due_bytes = 0
        return returned
