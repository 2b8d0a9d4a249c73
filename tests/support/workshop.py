"""All that a worker of videos needs, around an engine, with one video in it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from maskstream_server.jobs.processing.job import WorkerParts
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.records.store import VideoStore
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.jobs.storage.lines import read_lines
from support.engines import LIMITS
from support.fake_video import FakeDecoder, Gate, no_sound
from support.models import models_of
from support.tiny import tiny_frames, tiny_model
from support.uploads import video_record

FRAMES = tiny_frames(13)
EVERY = 3
WISHES = JobOptions(artifacts=("ytvis.json", "masks.zip"))
SOON_S = 150.0


@dataclass
class Workshop:
    """All that a worker needs, with one video `a` in it."""

    parts: WorkerParts
    decoder: FakeDecoder
    store: VideoStore
    files: VideoFiles

    async def work(self) -> VideoRecord:
        await asyncio.wait_for(JobWorker(self.parts).work("a"), SOON_S)
        return await self.record()

    async def interrupt(self, gate: Gate, *, saved: bool) -> None:
        """Cancel the job once a gate has held it, and, with `saved`, a checkpoint was written."""
        working = asyncio.create_task(JobWorker(self.parts).work("a"))
        await asyncio.to_thread(gate.reached.wait, SOON_S)
        if saved:
            await self.until(lambda record: record.next_frame > 0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        gate.go_on.set()

    async def record(self) -> VideoRecord:
        record = await self.store.get("a")
        assert record is not None
        return record

    async def lines(self) -> list[bytes]:
        return list(read_lines(self.files.folder("a"), (await self.record()).parts))

    async def parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in await self.lines()]

    def artifact(self, name: str) -> bytes:
        return (self.files.folder("a") / name).read_bytes()

    async def until(self, condition: Callable[[VideoRecord], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not condition(await self.record()):
                await asyncio.sleep(0.01)


@pytest.fixture
def open_workshop(start, tmp_path: Path):
    """Sets up workshops, each with an engine and a folder of its own."""
    opened = 0

    async def open_one(
        model=None, decoder=None, options=WISHES, *, deterministic=True, store=None
    ) -> Workshop:
        nonlocal opened
        opened += 1
        model = model or tiny_model()
        models = models_of(model)
        engine = await start(models.live, replace(LIMITS, deterministic=deterministic))
        decoder = decoder or FakeDecoder(FRAMES, announced=len(FRAMES))
        files = VideoFiles(tmp_path / str(opened), None, 0)
        files.create("a").write_bytes(b"a video")
        if store is None:
            store = MemoryVideoStore(1000.0)
            await store.create(video_record(options=options))
        parts = WorkerParts(
            engine, store, files, decoder, no_sound, models.refining, checkpoint_every=EVERY
        )
        return Workshop(parts, decoder, store, files)

    return open_one
