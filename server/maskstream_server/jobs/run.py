"""One worker's work on one video: frames through the engine, lines into a file, checkpoints."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from maskstream_model.errors import StateError
from maskstream_model.interface import OnlineSegmenter
from maskstream_server.engine import Engine
from maskstream_server.engine_types import EngineFull, EngineRequest, EngineResult, StepFailed
from maskstream_server.errors import MaskstreamServerError
from maskstream_server.jobs.artifacts import WRITERS
from maskstream_server.jobs.decoding import DecodedFrame, FrameReader, OpenVideo, in_thread
from maskstream_server.jobs.files import VideoFiles
from maskstream_server.jobs.lines import frame_line, read_lines
from maskstream_server.jobs.record import (
    Progress,
    ResultPart,
    VideoRecord,
    checkpoint,
    finish,
    start_over,
)
from maskstream_server.jobs.store import Memory, VideoStore, change
from maskstream_server.memory import MemoryDamagedError, SessionMemory, read_memory
from maskstream_server.stores.errors import StoreAway

FULL_PAUSE_S = 0.1
AWAY_PAUSE_S = 0.5
EPOCH = 1


@dataclass(frozen=True)
class WorkerParts:
    """What a worker works with.

    Attributes:
        model: what `engine` runs.
        engine: shared with live sessions, which go first.
        store: of records.
        files: of videos.
        open_video: decodes.
        max_tracks: bound on tracks, as for live sessions.
        checkpoint_every: frames from one checkpoint to the next.
        now_s: Unix time.
    """

    model: OnlineSegmenter[Any]
    engine: Engine[Any]
    store: VideoStore
    files: VideoFiles
    open_video: OpenVideo
    max_tracks: int = 100
    checkpoint_every: int = 10
    now_s: Callable[[], float] = time.time


class FrameFailedError(MaskstreamServerError):
    """The model failed on a frame; the text names it."""


@dataclass
class _Tracking:
    """The memory before the next frame; `snapshot` is `state` as bytes, where it was asked for."""

    state: Any = None
    mentioned: frozenset[int] = frozenset()
    snapshot: bytes | None = None


class VideoRun:
    """What a worker does with a video that it has claimed.

    Args:
        parts: what it works with.
        record: as claimed; its fence is the worker's.
    """

    def __init__(self, parts: WorkerParts, record: VideoRecord) -> None:
        self._parts = parts
        self._record = record
        self._folder = parts.files.folder(record.id)
        self._next_frame = record.next_frame
        self._tracking = _Tracking()
        self._part = _PartWriter(self._folder, f"results-{record.fence}.ndjson")
        self._thread = ThreadPoolExecutor(1, "video-writer")

    async def run(self) -> None:
        """Do what is left to do, from the last checkpoint to the end.

        Raises:
            FencedOut: the video is another's now, or cancelled.
            MaskstreamServerError: the text says why it cannot be done.
            NoSpaceError: the disk is full.
        """
        try:
            if not self._record.all_frames:
                await self._restore()
                await self._all_frames()
            names = tuple([await self._make(name) for name in self._record.options.artifacts])
            fence = self._record.fence
            await self.write(lambda record: finish(record, fence, names, self._now_s()), {})
        finally:
            self._thread.submit(self._part.close)
            self._thread.shutdown(wait=False)

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
                structlog.get_logger(__name__).warning("store_away", reason=str(error))
                await asyncio.sleep(AWAY_PAUSE_S)

    # Frames.

    async def _all_frames(self) -> None:
        """Step every frame; decoding, the model and writing overlap."""
        self._part.open(first_frame=self._next_frame)
        source, skip = self._parts.files.source(self._record.id), self._next_frame
        written: asyncio.Future[None] | None = None
        async with FrameReader(self._parts.open_video, source, skip) as reader:
            while (frame := await reader.next()) is not None:
                result = await self._step(frame)
                if written is not None:
                    await written
                written = in_thread(self._thread, partial(self._write_line, frame, result))
                if self._next_frame % self._parts.checkpoint_every == 0:
                    await written
                    await self._checkpoint(reader)
            if written is not None:
                await written
            await self._checkpoint(reader, last=True)

    async def _step(self, frame: DecodedFrame) -> EngineResult[Any]:
        """Have the engine step a frame, when it has time."""
        options, config = self._record.options, self._parts.model.config
        score_min = config.online.report_score_min
        request = EngineRequest(
            session=f"video {self._record.id}",
            frame=frame.pixels,
            state=self._tracking.state,
            mentioned=self._tracking.mentioned,
            min_score=score_min if options.min_score is None else options.min_score,
            mask_scale=options.mask_scale,
            max_tracks=self._parts.max_tracks,
            snapshot=(self._next_frame + 1) % self._parts.checkpoint_every == 0,
            live=False,
        )
        result = await self._submit(request)
        self._tracking = _Tracking(result.state, result.mentioned, result.snapshot)
        self._next_frame += 1
        return result

    async def _submit(self, request: EngineRequest[Any]) -> EngineResult[Any]:
        while True:
            try:
                return await self._parts.engine.submit(request)
            except EngineFull:
                await asyncio.sleep(FULL_PAUSE_S)
            except StepFailed as error:
                log = structlog.get_logger(__name__)
                log.error("video_step_failed", video=self._record.id, exc_info=error)
                raise FrameFailedError(f"The model failed on frame {self._next_frame}.") from error

    def _write_line(self, frame: DecodedFrame, result: EngineResult[Any]) -> None:
        classes = self._parts.model.config.classes
        self._part.write(frame_line(frame.index, frame.time_s, result, classes))

    # Checkpoints.

    async def _checkpoint(self, reader: FrameReader, last: bool = False) -> None:
        """Write down what is done; results first, so that the record never says too much."""
        self._parts.files.check_room()
        num_bytes = await in_thread(self._thread, self._part.sync)
        part = ResultPart(self._part.name, self._part.first_frame, num_bytes)
        progress = Progress(self._next_frame, part, reader.num_frames, last, reader.warning)
        fence, memory = self._record.fence, {} if last else self._memory().to_parts()
        await self.write(lambda record: checkpoint(record, fence, progress, self._now_s()), memory)

    def _memory(self) -> SessionMemory:
        return SessionMemory(
            epoch=EPOCH,
            sequence=self._next_frame,
            last_result=self._next_frame,
            epoch_began=True,
            mentioned=self._tracking.mentioned,
            snapshot=self._tracking.snapshot,
            fingerprint=self._parts.model.fingerprint,
        )

    async def _restore(self) -> None:
        """Take up the memory of the last checkpoint; where that cannot be, start over."""
        if self._next_frame == 0:
            return
        model = self._parts.model
        try:
            stored = await self._parts.store.memory(self._record.id)
            memory = read_memory(EPOCH, self._next_frame, stored, model.fingerprint)
            if memory.snapshot is None:
                raise MemoryDamagedError("there is no tracker state")
            self._tracking = _Tracking(model.state_from_bytes(memory.snapshot), memory.mentioned)
        except (MemoryDamagedError, StateError) as error:
            log = structlog.get_logger(__name__)
            log.warning("video_starts_over", video=self._record.id, reason=str(error))
            fence, self._next_frame = self._record.fence, 0
            await self.write(lambda record: start_over(record, fence, self._now_s()), {})

    # Artifacts.

    async def _make(self, name: str) -> str:
        """Make one artifact; it appears under its name when it is whole."""
        draft = self._folder / f"draft-{self._record.fence}-{name}"

        def make() -> None:
            WRITERS[name](read_lines(self._folder, self._record.parts), draft)
            draft.replace(self._folder / name)

        await in_thread(self._thread, make)
        return name

    def _now_s(self) -> float:
        return self._parts.now_s()


@dataclass
class _PartWriter:
    """Appends lines to a file that no other worker writes."""

    folder: Path
    name: str
    first_frame: int = 0
    num_bytes: int = 0
    _file: Any = field(default=None, repr=False)

    def open(self, first_frame: int) -> None:
        self.first_frame = first_frame
        self._file = (self.folder / self.name).open("wb")

    def write(self, line: bytes) -> None:
        self._file.write(line)
        self.num_bytes += len(line)

    def sync(self) -> int:
        """Bring all lines to the disk; return their bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self.num_bytes

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
