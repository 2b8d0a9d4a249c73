"""A machine whose clock is off, or jumps, removes nothing and says nothing wrong."""

import os
import time

import pytest

from maskstream_server.jobs.intake.reservation import unreserved_space
from maskstream_server.jobs.intake.resumable import Announcement, ResumableUploads
from maskstream_server.jobs.records.clock import StoreClock
from maskstream_server.jobs.records.ids import new_id
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.redis_store import RedisVideoStore
from maskstream_server.jobs.storage.bucket import Bucket
from maskstream_server.jobs.storage.bucket_files import BucketFiles
from maskstream_server.jobs.storage.files import VideoFiles
from support.bucket import ADDRESS, real_bucket, shared_s3
from support.stores import Clock

__all__ = ["real_bucket", "shared_s3"]

DAY_S = 24 * 3600.0
OFF_S = pytest.mark.parametrize("off_s", [30 * DAY_S, -30 * DAY_S])


def put_off(monkeypatch: pytest.MonkeyPatch, off_s: float) -> None:
    """Let this machine's clock be off; that of the file system is not."""
    true_s = time.time
    monkeypatch.setattr(time, "time", lambda: true_s() + off_s)


@OFF_S
async def test_files_and_uploads_stay_however_far_a_machines_clock_is_off(
    tmp_path, monkeypatch, off_s
):
    files = VideoFiles(tmp_path, 1000, 0)
    put_off(monkeypatch, off_s)
    uploads = ResumableUploads(files, 1000, DAY_S)
    made = await uploads.create(Announcement(700, "a"))
    files.create("video").write_bytes(b"x")
    assert files.strays({}) == []
    assert files.remove_abandoned(DAY_S) == []
    assert (await uploads.find(made.id)).offset == 0
    # What was announced holds its room.
    assert unreserved_space(files) < 300


@OFF_S
async def test_files_and_uploads_go_after_their_time_all_the_same(tmp_path, monkeypatch, off_s):
    files = VideoFiles(tmp_path, None, 0)
    put_off(monkeypatch, off_s)
    uploads = ResumableUploads(files, 1000, DAY_S)
    made = await uploads.create(Announcement(700, "a"))
    files.create("video").write_bytes(b"x")
    past_s = files.now_s() - DAY_S - 1
    for folder, _, names in os.walk(tmp_path):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            os.utime(path, (past_s, past_s))
    assert files.strays({}) == ["video"]
    assert files.remove_abandoned(DAY_S) == [made.id]


@OFF_S
def test_objects_stay_however_far_a_machines_clock_is_off(
    real_bucket, tmp_path, monkeypatch, off_s
):
    bucket = Bucket(f"{ADDRESS}/videos")
    video = new_id(1.0, os.urandom)
    bucket.write(f"{video}/source", b"x")
    files = BucketFiles(tmp_path, None, 0, bucket)
    (tmp_path / f"{video}-1").mkdir()
    now_s = bucket.now_s
    put_off(monkeypatch, off_s)
    # The storage of these tests is a process of its own, with a clock that is not off.
    assert abs(now_s() - (time.time() - off_s)) < 60
    files.clear_workplaces({})
    assert files.strays({}) == []
    assert (tmp_path / f"{video}-1").exists()


async def test_all_machines_of_a_store_have_its_time(monkeypatch):
    """Also where their own clocks differ, and jump."""
    true = Clock()
    walls = [Clock(), Clock()]
    walls[1].advance(30 * DAY_S)
    store = MemoryVideoStore(1000.0, wall_s=true)
    clocks = [StoreClock(true, wall) for wall in walls]
    assert clocks[1]() - clocks[0]() == 30 * DAY_S
    for clock in clocks:
        await clock.set_by(store)
    walls[0].advance(-DAY_S)
    true.advance(10.0)
    assert [clock() for clock in clocks] == [true.now_s, true.now_s]


async def test_the_time_of_a_redis_is_that_of_its_machine(shared_redis, monkeypatch):
    before_s = time.time()
    put_off(monkeypatch, DAY_S)
    store = RedisVideoStore(shared_redis.url, 1000.0)
    told_s = await store.now_s()
    await store.close()
    assert before_s - 1 < told_s < before_s + DAY_S / 2


async def test_a_redis_that_may_not_be_asked_for_its_time_is_done_without(shared_redis):
    with shared_redis.client() as client:
        client.execute_command("ACL", "SETUSER", "few", "on", ">word", "~*", "+get")
    url = shared_redis.url.replace("redis://", "redis://few:word@")
    store = RedisVideoStore(url, 1000.0)
    assert abs(await store.now_s() - time.time()) < 60
    await store.close()
    with shared_redis.client() as client:
        client.execute_command("ACL", "DELUSER", "few")
