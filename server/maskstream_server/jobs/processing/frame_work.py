"""Every frame of a video through the model: lines into a file, checkpoints of record and memory."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from maskstream_server.jobs.processing.claimed import Claimed
from maskstream_server.jobs.processing.decoding import FrameReader, in_thread
from maskstream_server.jobs.processing.following import Following
from maskstream_server.jobs.processing.making import Making
from maskstream_server.jobs.processing.part_writer import Line, PartWriter
from maskstream_server.jobs.processing.tracking import Tracking
from maskstream_server.jobs.records.fields import part_name
from maskstream_server.jobs.records.record import Progress, ResultPart, checkpoint, seen
from maskstream_server.jobs.records.store import Memory
from maskstream_server.media.messages import VideoInfo

MAX_PIXELS_AT_ONCE: Final = 12_000_000
"""Of the frames that are stepped together; as many again are being read."""


class FrameWork:
    """The work on the frames that have no results yet.

    Args:
        video: that it is for.
        tracking: makes the lines; stands where the last checkpoint left it.
        making: files that follow the lines.
        thread: writes lines.
    """

    def __init__(
        self, video: Claimed, tracking: Tracking, making: Making, thread: ThreadPoolExecutor
    ) -> None:
        self._video = video
        self._tracking = tracking
        self._making = making
        self._thread = thread
        name = part_name(video.fence)
        self._part = PartWriter(video.folder, name, first_frame=tracking.num_done)
        open_video = partial(video.open_video, tracking.next_frame)
        self._reader = FrameReader(open_video, self._at_once)

    async def run(self) -> None:
        """Take every frame; decoding, the model, and what follows a frame overlap.

        Errors are those of `VideoRun.run`.
        """
        try:
            async with self._reader as reader, Following() as following:
                told = self._tracking.next_frame
                while some := await reader.next():
                    lines = await self._tracking.take(some)
                    await following.put(partial(self._write_lines, lines))
                    told = await self._keep(following, told)
                lines = await self._tracking.finish()
                await following.put(partial(self._write_lines, lines))
                await following.put(partial(self._checkpoint, self._tracking.num_done, None))
        finally:
            self._thread.submit(self._part.close)

    async def _keep(self, following: Following, told: int) -> int:
        """Let a checkpoint follow, or word of progress; return the frame last told of."""
        memory, number = self._tracking.memory(), self._tracking.next_frame
        if memory is not None:
            await following.put(partial(self._checkpoint, self._tracking.num_done, memory))
            return number
        if number - told >= self._video.parts.checkpoint_every:
            await following.put(partial(self._tell, number))
            return number
        return told

    def _at_once(self, info: VideoInfo) -> int:
        """Return how many frames are stepped together; that of a video is always the same."""
        most = self._video.parts.engine.clip_frames(info.height, info.width)
        room = MAX_PIXELS_AT_ONCE // (info.height * info.width)
        return self._tracking.at_once(max(1, min(most, room)))

    # What follows a frame, in order.

    async def _write_lines(self, lines: Sequence[Line]) -> None:
        await in_thread(self._thread, partial(self._part.write, lines))

    async def _tell(self, seen_frame: int) -> None:
        """Write down how far the model has come; results come later."""
        video = self._video
        total = video.looked_at(self._reader.num_frames)
        await video.write(
            lambda record: seen(record, video.fence, seen_frame, total, video.now_s())
        )

    async def _checkpoint(self, num_done: int, memory: Memory | None) -> None:
        """Write down what is done; results first, so that the record never says too much.

        Args:
            num_done: frames that have results.
            memory: to go on from; None where there are no more frames.
        """
        video = self._video
        await asyncio.to_thread(video.parts.files.check_space)
        progress = Progress(
            next_frame=num_done,
            part=await self._kept(),
            frames_total=video.looked_at(self._reader.num_frames),
            last=memory is None,
            warning=self._reader.warning,
        )
        await video.write(
            lambda record: checkpoint(record, video.fence, progress, video.now_s()), memory or {}
        )
        self._making.advance(video.record)

    async def _kept(self) -> ResultPart:
        """Bring all lines to where they outlive this machine; return how far they go."""
        synced = await in_thread(self._thread, self._part.sync)
        video = self._video
        await video.outlast(partial(video.parts.files.keep_lines, video.record, synced))
        return synced
