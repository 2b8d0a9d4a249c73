"""One worker's work on one video: frames through the model, lines into a file, checkpoints."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.errors import StateError
from maskstream_model.interface import OnlineSegmenter
from maskstream_server.engine import Engine
from maskstream_server.errors import MaskstreamServerError
from maskstream_server.jobs.artifacts.feed import Feed
from maskstream_server.jobs.artifacts.making import Making
from maskstream_server.jobs.artifacts.material import Material
from maskstream_server.jobs.decoding import (
    DecodingVideo,
    FrameReader,
    OpenSound,
    OpenVideo,
    in_thread,
)
from maskstream_server.jobs.fetching import Fetcher
from maskstream_server.jobs.files import SOURCE, VideoFiles
from maskstream_server.jobs.following import Following
from maskstream_server.jobs.offline_tracking import OfflineTracking
from maskstream_server.jobs.part_writer import Line, PartWriter
from maskstream_server.jobs.record import (
    Progress,
    ResultPart,
    VideoRecord,
    checkpoint,
    fetched,
    finish,
    seen,
    start_over,
)
from maskstream_server.jobs.store import Memory, VideoStore, change
from maskstream_server.jobs.tracking import OnlineTracking, Tracking
from maskstream_server.media.messages import VideoInfo
from maskstream_server.memory import MemoryDamagedError
from maskstream_server.stores.errors import StoreAway

AWAY_PAUSE_S = 0.5
MAX_PIXELS_AT_ONCE: Final = 12_000_000
"""Of the frames that are stepped together; as many again are being read."""


@dataclass(frozen=True)
class WorkerParts:
    """What a worker works with.

    Attributes:
        model: what `engine` runs.
        engine: shared with live sessions, which go first.
        store: of records.
        files: of videos.
        open_video: decodes pictures.
        open_sound: decodes sound.
        offline: refines, with `model` in it; None where there is no refiner.
        max_tracks: bound on tracks, as for live sessions.
        checkpoint_every: frames from one checkpoint to the next.
        now_s: Unix time.
        fetcher: brings files of which only the address was handed in.
    """

    model: OnlineSegmenter[Any]
    engine: Engine[Any]
    store: VideoStore
    files: VideoFiles
    open_video: OpenVideo
    open_sound: OpenSound
    offline: OfflineDaq | None = None
    max_tracks: int = 100
    checkpoint_every: int = 10
    now_s: Callable[[], float] = time.time
    fetcher: Fetcher | None = None


class NoRefinerError(MaskstreamServerError):
    """The video was taken in by a server with another model."""


class VideoRun:
    """What a worker does with a video that it has claimed.

    Args:
        parts: what it works with.
        record: as claimed; its fence is the worker's.
    """

    def __init__(self, parts: WorkerParts, record: VideoRecord) -> None:
        self._parts = parts
        self._record = record
        self._folder = parts.files.workplace(record)
        self._thread = ThreadPoolExecutor(1, "video-writer")

    async def run(self) -> None:
        """Do what is left to do, from the last checkpoint to the end.

        Raises:
            FencedOut: the video is another's now, or cancelled.
            MaskstreamServerError: the text says why it cannot be done.
            NoSpaceError: the disk is full.
        """
        try:
            await self._fetch()
            await self._work()
        finally:
            self._thread.submit(partial(self._parts.files.leave, self._record))
            self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        tracking = None if self._record.all_frames else await self._restored()
        making = Making(self._record, self._folder, self._material)
        try:
            making.advance(self._record)
            if tracking is not None:
                await self._all_frames(tracking, making)
            fence, warning = self._record.fence, await making.finish()
            await self._outlast(partial(self._parts.files.keep_artifacts, self._record))
            await self.write(lambda record: finish(record, fence, warning, self._now_s()), {})
        finally:
            making.stop()

    async def write(
        self, transition: Callable[[VideoRecord], VideoRecord], memory: Memory | None = None
    ) -> None:
        """Change the record, however long the store is away."""
        while True:
            try:
                store = self._parts.store
                self._record = await change(store, self._record.id, transition, memory)
                return
            except StoreAway as error:
                await _pause(error)

    async def _outlast(self, work: Callable[[], None]) -> None:
        """Do blocking work on files, however long their storage is away."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except StoreAway as error:
                await _pause(error)

    async def _fetch(self) -> None:
        """Bring what there is; and the file, where nobody has brought it from its address yet."""
        files, url, fence = self._parts.files, self._record.url, self._record.fence
        await self._outlast(partial(files.bring, self._record))
        if url is None or self._source.exists():
            return
        assert self._parts.fetcher is not None
        num_bytes = await self._parts.fetcher.fetch(url, self._source, fence)
        await self._outlast(partial(files.keep_source, self._record))
        await self.write(lambda record: fetched(record, fence, num_bytes, self._now_s()))

    # Frames.

    async def _all_frames(self, tracking: Tracking, making: Making) -> None:
        """Take every frame; decoding, the model, and what follows a frame overlap."""
        name = f"results-{self._record.fence}.ndjson"
        part = PartWriter(self._folder, name, first_frame=tracking.num_done)
        told = tracking.next_frame
        open_video = partial(self._open_video, tracking.next_frame)
        frames = FrameReader(open_video, partial(self._at_once, tracking))
        try:
            async with frames as reader, Following() as following:
                keep = partial(self._checkpoint, making, part, reader)
                while some := await reader.next():
                    lines = await tracking.take(some)
                    await following.put(partial(self._write_lines, part, lines))
                    memory, number = tracking.memory(), tracking.next_frame
                    if memory is not None:
                        await following.put(partial(keep, tracking.num_done, memory))
                        told = number
                    elif number - told >= self._parts.checkpoint_every:
                        await following.put(partial(self._tell, number, reader))
                        told = number
                lines = await tracking.finish()
                await following.put(partial(self._write_lines, part, lines))
                await following.put(partial(keep, tracking.num_done, None))
        finally:
            self._thread.submit(part.close)

    # What follows a frame, in order.

    async def _write_lines(self, part: PartWriter, lines: Sequence[Line]) -> None:
        await in_thread(self._thread, partial(part.write, lines))

    async def _tell(self, seen_frame: int, reader: FrameReader) -> None:
        """Write down how far the model has come; results come later."""
        fence, total = self._record.fence, self._looked_at(reader.num_frames)
        await self.write(lambda record: seen(record, fence, seen_frame, total, self._now_s()))

    async def _checkpoint(
        self,
        making: Making,
        part: PartWriter,
        reader: FrameReader,
        num_done: int,
        memory: Memory | None,
    ) -> None:
        """Write down what is done; results first, so that the record never says too much.

        Args:
            making: is told of it.
            part: where the results are.
            reader: knows of the video.
            num_done: frames that have results.
            memory: to go on from; None where there are no more frames.
        """
        await asyncio.to_thread(self._parts.files.check_room)
        progress = Progress(
            next_frame=num_done,
            part=await self._kept(part),
            frames_total=self._looked_at(reader.num_frames),
            last=memory is None,
            warning=reader.warning,
        )
        fence = self._record.fence
        await self.write(
            lambda record: checkpoint(record, fence, progress, self._now_s()), memory or {}
        )
        making.advance(self._record)

    async def _kept(self, part: PartWriter) -> ResultPart:
        """Bring all lines to where they outlive this machine; return how far they go."""
        synced = await in_thread(self._thread, part.sync)
        await self._outlast(partial(self._parts.files.keep_lines, self._record, synced))
        return synced

    def _at_once(self, tracking: Tracking, info: VideoInfo) -> int:
        """Return how many frames are stepped together; that of a video is always the same."""
        most = self._parts.engine.clip_frames(info.height, info.width)
        room = MAX_PIXELS_AT_ONCE // (info.height * info.width)
        return tracking.at_once(max(1, min(most, room)))

    def _looked_at(self, num_frames: int | None) -> int | None:
        """Return how many of so many frames are looked at."""
        return None if num_frames is None else -(-num_frames // self._record.options.frame_stride)

    async def _restored(self) -> Tracking:
        """Take up the memory of the last checkpoint; where that cannot be, start over."""
        tracking, num_done = self._tracking(), self._record.next_frame
        if num_done == 0:
            return tracking
        try:
            tracking.restore(num_done, await self._parts.store.memory(self._record.id))
            return tracking
        except (MemoryDamagedError, StateError) as error:
            log = structlog.get_logger(__name__)
            log.warning("video_starts_over", video=self._record.id, reason=str(error))
            fence = self._record.fence
            await self.write(lambda record: start_over(record, fence, self._now_s()), {})
            return self._tracking()

    def _tracking(self) -> Tracking:
        parts, options = self._parts, self._record.options
        session = f"video {self._record.id}"
        if options.mode == "online":
            every = parts.checkpoint_every
            return OnlineTracking(parts.engine, session, options, parts.max_tracks, every)
        if parts.offline is None:
            raise NoRefinerError(f"The model {parts.model.config.name!r} has no refiner.")
        return OfflineTracking(parts.engine, parts.offline, session, options, parts.max_tracks)

    # What it is made of.

    def _open_video(self, skip: int = 0) -> DecodingVideo:
        """Return the frames that are looked at, without the first `skip` of them."""
        stride = self._record.options.frame_stride
        return self._parts.open_video(self._source, skip=skip * stride, stride=stride)

    def _material(self, feed: Feed) -> Material:
        return Material(
            lines=feed,
            classes=self._parts.model.config.classes,
            options=self._record.options,
            open_video=self._open_video,
            open_sound=partial(self._parts.open_sound, self._source),
        )

    @property
    def _source(self) -> Path:
        return self._folder / SOURCE

    def _now_s(self) -> float:
        return self._parts.now_s()


async def _pause(error: StoreAway) -> None:
    structlog.get_logger(__name__).warning("store_away", reason=str(error))
    await asyncio.sleep(AWAY_PAUSE_S)
