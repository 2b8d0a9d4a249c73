"""Brings frames and their answers together, in the order of the frames."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from maskstream_client.pictures import Pixels
from maskstream_client.result import Result
from maskstream_client.video import VideoFrame

if TYPE_CHECKING:
    from maskstream_client.async_client import AsyncClient


class Pairing:
    """Frames that wait for their answer.

    A drop may be told before the result of an earlier frame; it waits here for its turn.

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
        """An answer came; gives the pairs whose turn it is. Answers to strange frames are left."""
        if result.frame_index in self._frames:
            self._answers[result.frame_index] = result
        while self._frames and (first := next(iter(self._frames))) in self._answers:
            pixels, answer = self._frames.pop(first), self._answers.pop(first)
            if self._every_frame or answer.drop_reason is None:
                yield pixels, answer


async def paired(
    client: AsyncClient, frames: AsyncIterator[VideoFrame], pairing: Pairing
) -> AsyncIterator[tuple[Pixels, Result]]:
    """Send frames and give the pairs as they come."""
    async for frame in frames:
        pairing.sent(await client.send(frame.pixels, pts_s=frame.pts_s), frame.pixels)
        while (result := client.receive_nowait()) is not None:
            for pair in pairing.answered(result):
                yield pair
    while (result := await client.receive()) is not None:
        for pair in pairing.answered(result):
            yield pair
