"""A video that a worker has claimed, and what is done to it however long a store is away."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from maskstream_server.jobs.artifacts.feed import Feed
from maskstream_server.jobs.artifacts.material import Material
from maskstream_server.jobs.processing.worker_parts import WorkerParts
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.records.store import Memory, change
from maskstream_server.jobs.storage.files import SOURCE
from maskstream_server.media.ports import DecodingVideo
from maskstream_server.stores.errors import StoreUnreachableError

AWAY_PAUSE_S = 0.5


class Claimed:
    """A video in a worker's hands.

    Args:
        parts: what the worker works with.
        record: as claimed; its fence is the worker's.

    Attributes:
        record: as it was written last.
        fence: what writes carry, so that nobody but this worker changes the record.
        folder: where its files are while it is worked on.
    """

    def __init__(self, parts: WorkerParts, record: VideoRecord) -> None:
        self.parts = parts
        self.record = record
        self.fence = record.fence
        self.folder = parts.files.workplace(record)

    async def write(
        self, transition: Callable[[VideoRecord], VideoRecord], memory: Memory | None = None
    ) -> None:
        """Change the record, however long the store is away.

        Raises:
            FencedOutError: the video is another's now, or cancelled.
        """
        while True:
            try:
                self.record = await change(self.parts.store, self.record.id, transition, memory)
                return
            except StoreUnreachableError as error:
                await _pause(error)

    async def outlast(self, work: Callable[[], None]) -> None:
        """Do blocking work on files, however long their storage is away."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except StoreUnreachableError as error:
                await _pause(error)

    def open_video(self, skip: int = 0) -> DecodingVideo:
        """Return the frames that are looked at, without the first `skip` of them."""
        stride = self.record.options.frame_stride
        return self.parts.open_video(self.source, skip=skip * stride, stride=stride)

    def looked_at(self, num_frames: int | None) -> int | None:
        """Return how many of so many frames are looked at."""
        return None if num_frames is None else -(-num_frames // self.record.options.frame_stride)

    def material(self, feed: Feed) -> Material:
        """Return what its files are made of."""
        config, options = self.parts.model.config, self.record.options
        own_min = config.online.show_score_min
        return Material(
            name=self.record.name,
            lines=feed,
            classes=config.classes,
            options=options,
            show_min=own_min if options.show_min is None else options.show_min,
            open_video=self.open_video,
            open_sound=partial(self.parts.open_sound, self.source),
        )

    @property
    def source(self) -> Path:
        """The file that was handed in."""
        return self.folder / SOURCE

    def now_s(self) -> float:
        """Return Unix time."""
        return self.parts.now_s()


async def _pause(error: StoreUnreachableError) -> None:
    structlog.get_logger(__name__).warning("store_away", reason=str(error))
    await asyncio.sleep(AWAY_PAUSE_S)
