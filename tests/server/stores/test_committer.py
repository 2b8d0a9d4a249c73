"""Commits off the critical path: in order, merged, retried, and nothing lost silently."""

import asyncio

import pytest

from maskstream_server.errors import StoreFullError, StoreUnreachableError
from maskstream_server.stores.committer import CommitEvents, Committer
from maskstream_server.stores.interface import CommitOutcome, Lease
from support.stores import Clock, FailingStore, frame


class Noted:
    """What a committer reported, in order."""

    def __init__(self) -> None:
        self.words: list[object] = []
        self.num_bytes: list[int] = []

    @property
    def events(self) -> CommitEvents:
        return CommitEvents(
            written=self.num_bytes.append,
            durable=lambda epoch, sequence: self.words.append(sequence),
            away=lambda error: self.words.append("away"),
            back=lambda: self.words.append("back"),
            lost=self.words.append,
            recreated=self.words.append,
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> FailingStore:
    return FailingStore(clock)


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def committer(store: FailingStore, noted: Noted) -> Committer:
    return Committer(store, "hash", noted.events, retry_s=0.001)


async def test_what_is_offered_becomes_durable(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    for sequence in (1, 2, 3):
        committer.offer(frame(lease, sequence))
        assert await committer.flush()
    assert noted.words == [1, 2, 3]


async def test_commits_that_wait_are_merged_and_keep_every_result(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    for sequence in range(1, 11):
        committer.offer(frame(lease, sequence))
    assert await committer.flush()
    assert noted.words == [10]
    assert len(store.commits) == 1
    assert [kept.sequence for kept in await store.results_after("a", 0)] == list(range(1, 11))


async def test_an_absent_store_is_reported_once_and_commits_catch_up(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    committer.offer(frame(lease, 1))
    await committer.flush()
    store.is_away = True
    for sequence in (2, 3, 4):
        committer.offer(frame(lease, sequence))
        await asyncio.sleep(0.005)
    assert noted.words == [1, "away"]
    store.is_away = False
    assert await committer.flush()
    assert noted.words == [1, "away", "back", 4]
    assert [kept.sequence for kept in await store.results_after("a", 0)] == [1, 2, 3, 4]


async def test_an_error_that_was_not_expected_is_not_silent(store, committer, noted, caplog):
    lease = await store.create("a", "server", "hash")
    store.error = ValueError("a bug")
    committer.offer(frame(lease, 1))
    await asyncio.sleep(0.005)
    assert noted.words == ["away"]
    assert "a bug" in caplog.text
    store.error = None
    assert await committer.flush()
    assert noted.words == ["away", "back", 1]


async def test_an_absent_store_costs_bounded_memory(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    store.is_away = True
    for sequence in range(1, 1001):
        committer.offer(frame(lease, sequence, keep_after=max(0, sequence - 8)))
        if sequence % 100 == 0:
            await asyncio.sleep(0.002)
    store.is_away = False
    assert await committer.flush()
    assert max(len(commit.results) for commit in store.commits) <= 8
    assert [kept.sequence for kept in await store.results_after("a", 0)] == list(range(993, 1001))


async def test_a_session_that_was_taken_over_is_lost_for_good(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    await store.take_over("a", "other", "hash", "new hash")
    committer.offer(frame(lease, 1))
    assert not await committer.flush()
    committer.offer(frame(lease, 2))
    assert not await committer.flush()
    assert noted.words == [CommitOutcome.FENCED]
    assert len(store.commits) == 1


async def test_a_session_that_the_store_has_lost_is_created_again(store, committer, noted, clock):
    lease = await store.create("a", "server", "hash")
    committer.offer(frame(lease, 1))
    await committer.flush()
    clock.now_s += 500
    committer.offer(frame(lease, 2))
    assert await committer.flush()
    committer.offer(frame(lease, 3))
    assert await committer.flush()
    assert noted.words == [1, Lease("a", "server", 2), 2, 3]
    taken = await store.take_over("a", "other", "hash", "new hash")
    assert taken is not None
    assert taken.stored.sequence == 3


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_creation_whose_answer_is_lost_loses_no_session(
    store, committer, noted, monkeypatch, moment
):
    create = store.create

    async def cut_off(*words):
        monkeypatch.setattr(store, "create", create)
        if moment == "after":
            await create(*words)
        raise StoreUnreachableError("the line is dead")

    monkeypatch.setattr(store, "create", cut_off)
    committer.offer(frame(Lease("a", "server", 1), 1))
    assert await committer.flush()
    committer.offer(frame(Lease("a", "server", 1), 2))
    assert await committer.flush()
    assert [word for word in noted.words if not isinstance(word, Lease)] == [
        "away",
        "back",
        1,
        2,
    ]
    taken = await store.take_over("a", "other", "hash", "new hash")
    assert taken is not None
    assert taken.stored.sequence == 2


async def test_a_session_that_the_store_has_lost_waits_for_room_in_it(
    store, committer, noted, monkeypatch
):
    create = store.create

    async def full(*words):
        monkeypatch.setattr(store, "create", create)
        raise StoreFullError("81 of 100 bytes are used")

    monkeypatch.setattr(store, "create", full)
    committer.offer(frame(Lease("a", "server", 1), 1))
    assert await committer.flush()
    assert [word for word in noted.words if not isinstance(word, Lease)] == ["away", "back", 1]


async def test_a_deleted_session_is_not_created_again(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    await store.delete(lease)
    committer.offer(frame(lease, 1))
    assert not await committer.flush()
    assert noted.words == [CommitOutcome.FENCED]
    assert await store.load("a") is None


async def test_only_the_parts_that_changed_are_written(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    memories = [{"x": b"1", "y": b"2" * 100}, {"x": b"3", "y": b"2" * 100}, {"x": b"3", "z": b"4"}]
    for sequence, parts in enumerate(memories, 1):
        committer.offer(frame(lease, sequence, parts=parts, results=()))
        assert await committer.flush()
        stored = await store.load("a")
        assert stored is not None
        assert stored.parts == parts
    assert noted.num_bytes == [101, 1, 1]
    assert [commit.whole for commit in store.commits] == [True, False, False]


async def test_a_store_that_holds_another_memory_gets_the_whole_one(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    committer.offer(frame(lease, 1))
    await committer.flush()
    # As after an answer that was lost: the store is further than it is known to be.
    await store.commit(frame(lease, 2, parts={"odd": b"?"}))
    committer.offer(frame(lease, 3))
    assert await committer.flush()
    stored = await store.load("a")
    assert stored is not None
    assert (stored.sequence, set(stored.parts)) == (3, {"tracker", "session"})
    assert noted.words == [1, 3]


async def test_a_flush_that_is_cancelled_cuts_no_commit(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    store.is_away = True
    committer.offer(frame(lease, 1))
    flush = asyncio.create_task(committer.flush())
    await asyncio.sleep(0.005)
    flush.cancel()
    await asyncio.wait([flush])
    store.is_away = False
    assert await committer.flush()
    assert noted.words == ["away", "back", 1]


async def test_closing_gives_up_after_a_while(store, committer, noted):
    lease = await store.create("a", "server", "hash")
    store.is_away = True
    committer.offer(frame(lease, 1))
    assert not await committer.close(timeout_s=0.01)
    await asyncio.sleep(0.005)
    # A connection closes it again at its end.
    assert not await committer.close(timeout_s=0.01)
