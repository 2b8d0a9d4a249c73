"""What every store of videos guarantees, on every implementation."""

import asyncio
from dataclasses import replace

import pytest

from maskstream_server.errors import FencedOutError, VideoUnknownError
from maskstream_server.jobs.records.record import Progress, ResultPart, cancel, checkpoint, claim
from maskstream_server.jobs.records.store import change
from support.uploads import video_record

RETENTION_S = 1000.0
PART = ResultPart("results-1.ndjson", 0, 500)


async def test_a_video_comes_back_as_it_was(store):
    record = video_record(name="später {x} \U0001f600.mp4", parts=(PART,))
    assert await store.create(record) == record
    assert await store.get("a") == record
    assert await store.get("b") is None
    assert await store.memory("a") == {}


async def test_a_change_is_written_with_a_new_revision(store):
    await store.create(video_record())
    new = await change(store, "a", lambda record: claim(record, 2.0))
    assert new.revision == 2
    assert await store.get("a") == new


async def test_a_change_of_what_is_not_there_is_refused(store):
    with pytest.raises(VideoUnknownError):
        await change(store, "a", lambda record: claim(record, 2.0))


async def test_what_was_made_from_an_older_record_is_not_written(store):
    old = await store.create(video_record())
    await change(store, "a", lambda record: claim(record, 2.0))
    assert not await store.replace(old, replace(old, revision=2, reason="x"), {"p": b"x"})
    assert (await store.get("a")).reason is None
    assert await store.memory("a") == {}


async def test_memory_and_record_change_together(store):
    await store.create(video_record())
    await change(store, "a", lambda record: claim(record, 2.0))

    async def commit(fence: int, memory):
        await change(store, "a", lambda r: checkpoint(r, fence, Progress(10, PART), 3.0), memory)

    await commit(1, {"tracker": b"\x00\xff" * 1000, "session": b"{}"})
    assert await store.memory("a") == {"tracker": b"\x00\xff" * 1000, "session": b"{}"}
    with pytest.raises(FencedOutError):
        await commit(0, {"tracker": b"zombie"})
    await commit(1, None)
    assert set(await store.memory("a")) == {"tracker", "session"}
    await commit(1, {"session": b"[]"})
    assert await store.memory("a") == {"session": b"[]"}
    await commit(1, {})
    assert await store.memory("a") == {}


async def test_of_many_who_claim_at_once_each_has_a_fence_of_its_own(store):
    await store.create(video_record())

    async def one() -> int:
        return (await change(store, "a", lambda record: claim(record, 2.0))).fence

    fences = await asyncio.gather(*(one() for _ in range(3)))
    assert sorted(fences) == [1, 2, 3]


async def test_cancelling_fences_the_worker_out(store):
    await store.create(video_record())
    claimed = await change(store, "a", lambda record: claim(record, 2.0))
    await change(store, "a", lambda record: cancel(record, 3.0), {})
    with pytest.raises(FencedOutError):
        await change(store, "a", lambda r: checkpoint(r, claimed.fence, Progress(10, PART), 4.0))


async def test_a_clients_key_names_one_video(store):
    first = await store.create(video_record("a"), "key")
    assert await store.create(video_record("b"), "key") == first
    assert await store.get("b") is None
    assert [record.id for record in await store.page(10)] == ["a"]
    assert await store.created_under("key") == first
    assert await store.created_under("another") is None


async def test_of_uploads_at_once_with_one_key_one_wins(store):
    made = await asyncio.gather(*(store.create(video_record(name), "key") for name in "abcd"))
    assert len({record.id for record in made}) == 1
    assert [record.id for record in await store.page(10)] == [made[0].id]


async def test_a_key_whose_video_is_gone_can_be_used_again(store):
    await store.create(video_record("a"), "key")
    await store.remove("a")
    assert await store.created_under("key") is None
    assert (await store.create(video_record("b"), "key")).id == "b"
    assert (await store.create(video_record("c"), "key")).id == "b"


async def test_pages_go_from_the_newest_to_the_oldest(store):
    for name in "abcdefg":
        await store.create(video_record(name))
    await store.remove("e")

    async def ids(limit: int, before: str | None = None) -> str:
        return "".join(record.id for record in await store.page(limit, before))

    assert await ids(3) == "gfd"
    assert await ids(3, "d") == "cba"
    assert await ids(3, "a") == ""
    assert await ids(100) == "gfdcba"


async def test_a_removed_video_is_gone(store):
    await store.create(video_record())
    await change(store, "a", lambda r: claim(r, 2.0), {"tracker": b"x"})
    await store.remove("a")
    assert await store.get("a") is None
    assert await store.memory("a") == {}
    assert await store.page(10) == []
    await store.remove("a")


async def test_a_video_outlives_its_last_change_by_its_retention(under_test):
    store = under_test.store
    await store.create(video_record("a"), "key")
    await store.create(video_record("b"))
    under_test.advance(900)
    await change(store, "a", lambda record: claim(record, 2.0), {"tracker": b"x"})
    under_test.advance(900)
    assert [record.id for record in await store.page(10)] == ["a"]
    assert await store.get("b") is None
    under_test.advance(200)
    assert await store.page(10) == []
    assert await store.memory("a") == {}


async def test_a_store_says_how_long_a_record_is_kept(under_test):
    store = under_test.store
    assert await store.left_s("a") == 0
    await store.create(video_record())
    assert RETENTION_S - 60 < await store.left_s("a") <= RETENTION_S
    under_test.advance(RETENTION_S / 2)
    assert RETENTION_S / 2 - 60 < await store.left_s("a") <= RETENTION_S / 2
    await change(store, "a", lambda record: claim(record, 2.0))
    assert await store.left_s("a") > RETENTION_S - 60


async def test_a_store_keeps_the_name_that_it_was_given_first(store):
    name = await store.take_identity("one")
    assert await store.take_identity("two") == name == await store.identity()
