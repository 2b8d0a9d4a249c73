"""Brings frames and their answers together, in the order of the frames."""

from __future__ import annotations

from collections.abc import Iterator

from maskstream_client.pictures import Pixels
from maskstream_client.result import Result


class ReorderBuffer:
    """Frames that wait for their answer; yields the answers in order.

    A drop may arrive before the result of an earlier frame; it waits here for its turn.

    Args:
        every_frame: give dropped frames too, with their empty result.
    """

    def __init__(self, *, every_frame: bool) -> None:
        self._every_frame = every_frame
        self._frames: dict[int, Pixels] = {}
        self._answers: dict[int, Result] = {}

    def sent(self, frame_index: int, pixels: Pixels) -> None:
        """A frame went out."""
        self._frames[frame_index] = pixels

    def answered(self, result: Result) -> Iterator[tuple[Pixels, Result]]:
        """Take an answer; gives the pairs that are next. A provisional result is given at once."""
        if result.provisional and result.frame_index in self._frames:
            yield self._frames[result.frame_index], result
        elif result.frame_index in self._frames:
            self._answers[result.frame_index] = result
        while self._frames and (first := next(iter(self._frames))) in self._answers:
            pixels, answer = self._frames.pop(first), self._answers.pop(first)
            if self._every_frame or answer.drop_reason is None:
                yield pixels, answer
