"""What goes after its time, and what stays, with many servers sweeping one folder."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.intake.intake import UploadSubmission
from maskstream_server.jobs.intake.resumable import Announcement
from maskstream_server.jobs.maintenance.cleanup import sweep
from maskstream_server.jobs.maintenance.maintenance import MAX_SKEW_S, Retention
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.record import claim, finish
from maskstream_server.jobs.records.store import GRACE_S, change
from maskstream_server.jobs.storage.files import ORPHAN_S, VideoFiles
from support.lost_folder import LostFolder
from support.stores import Clock
from support.video_api import age_files, open_api

RETENTION_S = 1000.0
EXPIRY_S = 100.0
RETENTION = Retention(RETENTION_S, EXPIRY_S, EXPIRY_S)


class World:
    """APIs that share a store and a folder, and their clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = MemoryVideoStore(RETENTION_S + GRACE_S, self.clock)
        self.folder = folder
        self.files = VideoFiles(folder, None, 0)
        self.apis = [self.api() for _ in range(3)]

    def api(self, now_s: Callable[[], float] = time.time) -> VideoApi:
        return open_api(self.store, VideoFiles(self.folder, None, 0), RETENTION, now_s)

    async def upload(self) -> str:
        uploads = self.apis[0].intake.uploads

        async def chunks():
            yield b"a video"

        made = await uploads.create(Announcement(7, "a.mp4"))
        return (await uploads.append(made.id, 0, chunks())).id

    async def submit(self) -> str:
        return (await self.apis[0].submit(UploadSubmission(await self.upload()))).id

    async def sweep(self) -> None:
        await asyncio.gather(*(api.maintenance.tend() for api in self.apis))

    def age(self, seconds: float) -> None:
        """Let time pass for the store, its records and every file."""
        self.clock.advance(seconds)
        for entry in self.store._entries.values():
            then_s = entry.record.updated_s - seconds
            entry.record = replace(entry.record, updated_s=then_s)
        age_files(self.folder, seconds)


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    return World(tmp_path / "data")


async def test_an_upload_is_as_before_where_its_video_cannot_be_noted(world, monkeypatch):
    async def create(*args) -> None:
        raise StoreUnreachableError("unplugged")

    upload = await world.upload()
    with monkeypatch.context() as broken:
        broken.setattr(world.store, "create", create)
        with pytest.raises(StoreUnreachableError):
            await world.apis[0].submit(UploadSubmission(upload))
    assert (world.files.uploads(), world.files.videos()) == ([upload], [])
    first = await world.apis[0].submit(UploadSubmission(upload))
    assert await world.apis[1].submit(UploadSubmission(upload)) == first
    assert world.files.uploads() == []


async def test_records_and_files_go_together_after_their_time(world):
    old, cancelled = await world.submit(), await world.submit()
    now_s = time.time()
    await change(world.store, old, lambda record: finish(claim(record, now_s), 1, (), now_s))
    await world.apis[1].delete(cancelled)
    world.age(RETENTION_S - 1)
    young = await world.submit()
    await world.sweep()
    assert sorted(world.files.videos()) == [old, young]
    world.age(2)
    await world.sweep()
    assert world.files.videos() == [young]
    assert [await world.store.get(video) for video in (old, cancelled)] == [None, None]
    world.age(RETENTION_S)
    await world.sweep()
    assert world.files.videos() == world.files.quarantine.videos() == []


async def test_a_record_goes_only_where_the_store_agrees_that_its_time_is_over(world):
    """Its own time may be that of a machine whose clock was off."""
    video = await world.submit()
    world.age(RETENTION_S - 60)
    await change(world.store, video, lambda record: claim(record, time.time() - 2 * RETENTION_S))
    await world.sweep()
    assert world.files.videos() == [video]


async def test_nothing_goes_while_the_clocks_of_store_and_files_differ(world):
    upload, orphan = await world.upload(), await world.submit()
    await world.store.remove(orphan)
    world.age(EXPIRY_S + ORPHAN_S)
    for off_s in (MAX_SKEW_S + 60, -MAX_SKEW_S - 60):
        api = world.api(now_s=lambda off_s=off_s: time.time() + off_s)
        with structlog.testing.capture_logs() as logs:
            await api.maintenance.tend()
        assert [entry["event"] for entry in logs] == ["clocks_differ"]
        assert (world.files.uploads(), world.files.videos()) == ([upload], [orphan])
    await world.sweep()
    assert (world.files.uploads(), world.files.videos()) == ([], [])


async def test_a_video_whose_record_changes_stays(world):
    video = await world.submit()
    for _ in range(3):
        world.age(RETENTION_S - 1)
        await change(world.store, video, lambda record: claim(record, time.time()))
        await world.sweep()
    assert world.files.videos() == [video]


async def test_uploads_that_are_not_continued_go_after_theirs(world):
    upload = await world.upload()
    world.age(EXPIRY_S - 10)
    other = await world.upload()
    await world.sweep()
    assert sorted(world.files.uploads()) == [upload, other]
    world.age(20)
    await world.sweep()
    assert world.files.uploads() == [other]


async def test_while_the_folder_is_away_videos_are_counted_and_nothing_is_removed(world):
    video = await world.submit()
    world.apis[0].queue.waiting.clear()
    folder = LostFolder(world.folder, "gone")
    folder.take_away()
    counts = await world.apis[0].maintenance.tend()
    assert counts.counts["queued"] == 1
    assert world.apis[0].queue.waiting == [video]
    assert not world.folder.exists()
    folder.bring_back()
    await world.sweep()
    assert world.files.videos() == [video]


async def test_what_waits_for_no_worker_is_queued_again(world):
    video = await world.submit()
    world.apis[0].queue.waiting.clear()
    await world.sweep()
    assert all(api.queue.waiting == [video] for api in world.apis)


async def test_videos_that_come_in_during_a_sweep_stay(world):
    made = []
    for _ in range(20):
        video, _ = await asyncio.gather(world.submit(), world.sweep())
        made.append(video)
    assert sorted(world.files.videos()) == sorted(made)
    assert all(world.files.source(video).read_bytes() == b"a video" for video in made)


def test_many_sweepers_at_once_do_each_others_work_without_harm(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    past_s = time.time() - ORPHAN_S - 1
    for number in range(200):
        files.create(f"v{number}").write_bytes(b"x")
        for path in (files.source(f"v{number}"), files.folder(f"v{number}")):
            os.utime(path, (past_s, past_s))
    with ThreadPoolExecutor(4) as threads:
        # Each pass takes a tenth, and four at once may take the same: 60 passes are enough.
        sweepers = 60 * [VideoFiles(tmp_path, None, 0) for _ in range(4)]
        list(threads.map(lambda one: sweep(one, {"v7": 1}, set(), RETENTION_S), sweepers))
        list(threads.map(lambda one: one.check_space(1), sweepers))
        assert files.videos() == ["v7"]
        assert len(files.quarantine.videos()) == 199
        list(threads.map(lambda one: sweep(one, {"v7": 1, "v8": 1}, set(), RETENTION_S), sweepers))
    assert sorted(files.videos()) == ["v7", "v8"]
