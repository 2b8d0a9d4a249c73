"""What only the store of videos in Redis has to care for."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.jobs.records.redis_store import RedisVideoStore
from support.redis_server import PATIENT_S, RedisServer
from support.uploads import video_record


@pytest.fixture
async def redis_store(shared_redis: RedisServer) -> AsyncIterator[RedisVideoStore]:
    shared_redis.client().flushall()
    store = RedisVideoStore(shared_redis.url, 100.0, timeout_s=PATIENT_S)
    yield store
    await store.close()


async def test_a_write_whose_answer_was_lost_may_come_again(redis_store, monkeypatch):
    old = await redis_store.create(video_record())
    new = replace(old, revision=2)
    # The connection sends the very same bytes once more.
    monkeypatch.setattr("os.urandom", lambda size: b"w" * size)
    assert await redis_store.replace(old, new)
    assert await redis_store.replace(old, new)
    monkeypatch.undo()
    assert not await redis_store.replace(old, new)


async def test_an_absent_redis_is_reported_as_unavailable(own_redis):
    store = RedisVideoStore(own_redis.url, 100.0, timeout_s=0.5)
    own_redis.stop()
    with pytest.raises(StoreUnreachableError):
        await store.get("a")
    await store.close()


async def test_a_store_is_named_for_good_and_without_it_has_no_name(redis_store, shared_redis):
    assert await redis_store.identity() is None
    assert await redis_store.take_identity("one") == "one"
    with shared_redis.client() as client:
        assert client.pttl("mv:store") == -1
        client.flushdb()
    assert await redis_store.identity() is None


async def test_ids_of_clients_name_no_keys_of_others(redis_store):
    for video in ("", "}:v{", "a" * 10_000, "\n", "*"):
        assert await redis_store.get(video) is None
