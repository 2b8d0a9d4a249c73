"""What a decoder elsewhere needs before it can decode the next unit (docs/protocol.md 10)."""

from __future__ import annotations

from dataclasses import replace

from maskstream_protocol.frames import FrameMessage


class LeadIn:
    """Keeps the durable units of a packet codec back to the last key frame.

    Args:
        max_bytes: beyond them nothing is kept up to the next key frame.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._units: list[FrameMessage] = []
        self._due = False

    def passed(self, frame: FrameMessage) -> None:
        """Take a frame that is durable now; they come in order."""
        if not self._is_before(frame) or frame.key_frame:
            self.clear()
        if frame.is_unit and (frame.key_frame or self._units):
            self._units.append(frame)
            self._num_bytes += frame.num_bytes
        if self._num_bytes > self._max_bytes:
            self.clear()

    def clear(self) -> None:
        """Forget all: the units that follow do not build on these."""
        self._units.clear()
        self._num_bytes = 0

    def resumed(self) -> None:
        """Another decoder has the session now, and knows nothing."""
        self._due = True

    def take(self, frame: FrameMessage) -> list[FrameMessage]:
        """Return what is to be sent before a frame: once after a resume, if it builds on it."""
        due, self._due = self._due, False
        if not due or frame.key_frame or not self._is_before(frame):
            return []
        return [replace(unit, decoder_only=True) for unit in self._units]

    def _is_before(self, frame: FrameMessage) -> bool:
        """Whether the units end where a frame continues."""
        last = self._units[-1] if self._units else None
        return last is not None and (last.codec, last.sequence + 1) == (frame.codec, frame.sequence)
