"""Records in Redis that nobody can read: they stop nothing, are shown, and can be removed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from redis import Redis
from structlog.testing import capture_logs

from maskstream_server.errors import RecordUnreadableError, StoreUnreachableError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.maintenance.maintenance import Retention
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.records.coding import record_to_json
from maskstream_server.jobs.records.record import UnreadableRecord, VideoState, claim
from maskstream_server.jobs.records.redis_store import RedisVideoStore
from maskstream_server.jobs.records.store import change
from maskstream_server.jobs.storage.files import VideoFiles
from support.engines import start
from support.redis_server import RedisServer
from support.uploads import video_record
from support.video_api import age_files, open_api
from support.workshop import open_workshop

__all__ = ["open_workshop", "start"]

KEY = "mv:{b}:v"


def later_version(client: Redis) -> None:
    fields = json.loads(record_to_json(video_record("b")))
    fields["options"]["from_a_later_version"] = True
    client.hset(KEY, "record", json.dumps(fields))


def other_kind(client: Redis) -> None:
    client.delete(KEY)
    client.set(KEY, "a text")


DAMAGES: list[Callable[[Redis], object]] = [
    later_version,
    other_kind,
    lambda client: client.hset(KEY, "record", b"\xff{"),
    lambda client: client.hdel(KEY, "record"),
    lambda client: client.hset(KEY, "revision", 7),
    lambda client: client.hset(KEY, "record", record_to_json(video_record("a"))),
]


@pytest.fixture
async def store(shared_redis: RedisServer) -> AsyncIterator[RedisVideoStore]:
    shared_redis.client().flushall()
    store = RedisVideoStore(shared_redis.url, 100.0)
    for name in "abc":
        await store.create(video_record(name), f"key {name}")
    yield store
    await store.close()


@pytest.fixture(params=DAMAGES)
def damaged(request: pytest.FixtureRequest, store, shared_redis: RedisServer) -> RedisVideoStore:
    with shared_redis.client() as client:
        request.param(client)
    return store


async def test_a_list_shows_it_among_the_others_and_says_so_in_the_log(damaged):
    with capture_logs() as logs:
        newest, second, oldest = await damaged.page(10)
    assert (newest.id, oldest.id) == ("c", "a")
    assert second == UnreadableRecord("b", second.reason)
    assert [(line["event"], line["video"]) for line in logs] == [("record_unreadable", "b")]
    assert [record.id for record in await damaged.page(1, "c")] == ["b"]
    assert [record.id for record in await damaged.page(1, "b")] == ["a"]


async def test_it_is_neither_given_out_nor_changed_nor_taken_for_absent(damaged):
    for call in (
        damaged.get("b"),
        damaged.created_under("key b"),
        damaged.create(video_record("d"), "key b"),
        change(damaged, "b", lambda old: claim(old, 2.0)),
    ):
        with pytest.raises(RecordUnreadableError, match="video 'b'"):
            await asyncio.wait_for(call, 30)


async def test_it_can_be_removed(damaged):
    await damaged.remove("b")
    assert await damaged.get("b") is None
    assert [record.id for record in await damaged.page(10) if record.id != "d"] == ["c", "a"]


async def test_members_of_the_index_that_are_no_ids_stop_no_list(store, shared_redis):
    with shared_redis.client() as client:
        client.zadd("mv:index", {b"\xff\xfe": 0, b"\x80": 0, b"../../x": 0, b"": 0})
    page = await asyncio.wait_for(store.page(10), 30)
    assert [record.id for record in page] == ["c", "b", "a"]


@pytest.fixture
def api(damaged, tmp_path) -> VideoApi:
    files = VideoFiles(tmp_path, None, 0)
    for name in "abc":
        files.create(name).write_bytes(b"a video")
    return open_api(damaged, files, Retention(1e12, 100.0, 100.0))


async def test_the_others_are_queued_again_and_its_files_stay(api, damaged):
    age_files(api.files.root, 10_000)
    counts = await api.maintenance.tend()
    assert sorted(api.queue.waiting) == ["a", "c"]
    assert (counts.counts["queued"], counts.counts["unreadable"]) == (2, 1)
    assert sorted(api.files.videos()) == ["a", "b", "c"]


async def test_who_deletes_it_removes_its_files(api, damaged):
    api.queue.waiting.append("b")
    assert await api.delete("b") is None
    assert sorted(api.files.videos()) == ["a", "c"]
    assert await damaged.get("b") is None


async def test_a_worker_leaves_it_alone(damaged, open_workshop):
    shop = await open_workshop(store=damaged)
    await asyncio.wait_for(JobWorker(shop.parts).work("b"), 30)
    assert [type(each) for each in await damaged.page(10)][1] is UnreadableRecord
    assert (await shop.work()).state is VideoState.DONE


@pytest.mark.parametrize("damage", [b"\xff\xfe", None], ids=["no text", "another kind"])
async def test_a_damaged_name_of_the_store_is_none_and_can_be_given_anew(
    store, shared_redis, damage
):
    _damage(shared_redis, "mv:store", damage)
    assert await store.identity() is None
    assert await store.take_identity("one") == "one"
    assert await store.identity() == "one"


@pytest.mark.parametrize("damage", [b"\xff\xfe", None], ids=["no text", "another kind"])
async def test_a_damaged_key_of_a_client_stops_no_upload(store, shared_redis, damage):
    with shared_redis.client() as client:
        [name] = [name for name in client.scan_iter("mv:*:k") if client.get(name) == b"b"]
    _damage(shared_redis, name, damage)
    assert await store.created_under("key b") is None
    new = video_record("d")
    assert await store.create(new, "key b") == new
    assert await store.created_under("key b") == new


async def test_a_damaged_index_is_a_store_that_is_away_and_never_an_empty_one(store, shared_redis):
    _damage(shared_redis, "mv:index", None)
    for command in (store.page(10), store.create(video_record("d")), store.remove("a")):
        with pytest.raises(StoreUnreachableError, match="mv:index"):
            await command


def _damage(redis: RedisServer, name: bytes | str, text: bytes | None) -> None:
    with redis.client() as client:
        client.delete(name)
        client.set(name, text) if text is not None else client.rpush(name, "a")
