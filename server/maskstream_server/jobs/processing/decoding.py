"""Frames of a video out of blocking hands, ahead of who takes them.

`media.decoder.open_video` is such hands: a child process decodes, this process only reads.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Self, TypeVar

from maskstream_server.media.decoder import DecodedFrame, DecodedVideo
from maskstream_server.media.messages import SourceInfo

T = TypeVar("T")


class FrameReader:
    """Reads a video in a thread of its own, some frames at a time; an async context manager.

    Args:
        open_video: opens it; blocks, and raises MediaError.
        at_once: from what the file says of itself, how many frames are taken at a time.
    """

    def __init__(
        self, open_video: Callable[[], DecodedVideo], at_once: Callable[[SourceInfo], int]
    ) -> None:
        self._open_video, self._at_once = open_video, at_once
        self._num_at_once = 1
        self._thread = ThreadPoolExecutor(1, "video-reader")
        self._video: DecodedVideo | None = None
        self._frames: Iterator[DecodedFrame] = iter(())
        self._coming: asyncio.Future[Sequence[DecodedFrame]] | None = None

    @property
    def info(self) -> SourceInfo:
        """What is known of the video, from the first frame on."""
        assert self._video is not None
        return self._video.info

    @property
    def num_frames(self) -> int | None:
        """As the file says; None where it does not."""
        return None if self._video is None else self._video.info.num_frames

    @property
    def warning(self) -> str | None:
        """After the last frame: a sentence where not all could be read."""
        return None if self._video is None else self._video.warning

    async def next(self) -> Sequence[DecodedFrame]:
        """Return the next frames, none after the last; those after them are read meanwhile.

        Raises:
            MediaError: the file cannot be read (any further).
        """
        assert self._coming is not None
        frames = await self._coming
        if frames:
            self._coming = in_thread(self._thread, self._read)
        return frames

    async def __aenter__(self) -> Self:
        try:
            await in_thread(self._thread, self._open)
        except BaseException:
            self._leave()
            raise
        self._coming = in_thread(self._thread, self._read)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._leave()

    def _open(self) -> None:
        self._video = self._open_video()
        self._num_at_once = self._at_once(self._video.info)
        self._frames = iter(self._video)

    def _read(self) -> Sequence[DecodedFrame]:
        return list(islice(self._frames, self._num_at_once))

    def _leave(self) -> None:
        """Stop what is under way; the thread closes the video when it comes back from it."""
        if self._video is not None:
            self._video.stop()
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._video is not None:
            self._video.close()


def in_thread(thread: ThreadPoolExecutor, work: Callable[[], T]) -> "asyncio.Future[T]":
    """Begin work in a thread; its failure is ignored once its caller has gone."""
    future = asyncio.get_running_loop().run_in_executor(thread, work)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
