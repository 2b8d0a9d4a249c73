"""Every frame of a video through the model: lines into a file, checkpoints of record and memory."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from maskstream_server.jobs.processing.decoding import FrameReader, in_thread
from maskstream_server.jobs.processing.job import VideoJob
from maskstream_server.jobs.processing.making import Making
from maskstream_server.jobs.processing.ordered_tasks import OrderedTasks
from maskstream_server.jobs.processing.part_writer import Line, PartWriter
from maskstream_server.jobs.processing.tracking import Tracking
from maskstream_server.jobs.records.fields import part_name
from maskstream_server.jobs.records.record import Progress, ResultPart, checkpoint, seen
from maskstream_server.jobs.records.store import Memory
from maskstream_server.media.messages import SourceInfo

MAX_PIXELS_AT_ONCE: Final = 12_000_000
"""Of the frames that are stepped together; as many again are being read."""


class FrameLoop:
    """Processes the frames that have no results yet."""

    def __init__(
        self, job: VideoJob, tracking: Tracking, making: Making, thread: ThreadPoolExecutor
    ) -> None:
        self._job = job
        self._tracking = tracking
        self._making = making
        self._thread = thread
        name = part_name(job.fence)
        self._part = PartWriter(job.folder, name, first_frame=tracking.num_done)
        open_video = partial(job.open_video, tracking.next_frame)
        self._reader = FrameReader(open_video, self._at_once)

    async def run(self) -> None:
        """Take every frame; decoding, the model, and what follows a frame overlap.

        Errors are those of `run_job`.
        """
        try:
            async with self._reader as reader, OrderedTasks() as after:
                noted = self._tracking.next_frame
                while some := await reader.next():
                    lines = await self._tracking.take(some)
                    await after.put(partial(self._write_lines, lines))
                    noted = await self._keep(after, noted)
                lines = await self._tracking.finish()
                await after.put(partial(self._write_lines, lines))
                await after.put(partial(self._checkpoint, self._tracking.num_done, None))
        finally:
            self._thread.submit(self._part.close)

    async def _keep(self, after: OrderedTasks, noted: int) -> int:
        """Let a checkpoint follow, or a note of progress; return the frame last noted."""
        memory, number = self._tracking.memory(), self._tracking.next_frame
        if memory is not None:
            await after.put(partial(self._checkpoint, self._tracking.num_done, memory))
            return number
        if number - noted >= self._job.parts.checkpoint_every:
            await after.put(partial(self._note, number))
            return number
        return noted

    def _at_once(self, info: SourceInfo) -> int:
        """Return how many frames are stepped together; that of a video is always the same."""
        most = MAX_PIXELS_AT_ONCE // (info.height * info.width)
        return self._tracking.at_once(info.height, info.width, most)

    # What follows a frame, in order.

    async def _write_lines(self, lines: Sequence[Line]) -> None:
        await in_thread(self._thread, partial(self._part.write, lines))

    async def _note(self, seen_frame: int) -> None:
        """Write down how far the model has come; results come later."""
        job = self._job
        total = job.looked_at(self._reader.num_frames)
        await job.write(lambda record: seen(record, job.fence, seen_frame, total, job.now_s()))

    async def _checkpoint(self, num_done: int, memory: Memory | None) -> None:
        """Write down what is done; results first, so that the record never says too much.

        Args:
            num_done: frames that have results.
            memory: to continue from; None where there are no more frames.
        """
        job, info = self._job, self._reader.info
        await asyncio.to_thread(job.parts.files.check_space)
        progress = Progress(
            next_frame=num_done,
            part=await self._kept(),
            frames_total=job.looked_at(self._reader.num_frames),
            last=memory is None,
            warning=self._reader.warning,
            frame_rate=job.frame_rate(info),
            width=info.width,
            height=info.height,
        )
        await job.write(
            lambda record: checkpoint(record, job.fence, progress, job.now_s()), memory or {}
        )
        self._making.advance(job.record)

    async def _kept(self) -> ResultPart:
        """Bring all lines to where they outlive this machine; return how far they go."""
        synced = await in_thread(self._thread, self._part.sync)
        job = self._job
        await job.outlast(partial(job.parts.files.keep_lines, job.record, synced))
        return synced
