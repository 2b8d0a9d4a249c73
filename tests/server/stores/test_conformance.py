"""What every store guarantees of commits, on every implementation."""

import asyncio

import pytest

from maskstream_server.errors import SessionExistsError
from maskstream_server.stores.interface import (
    CommitOutcome,
    KeptResult,
    Lease,
    StoredSession,
)
from support.stores import frame, kept_sequences


async def test_a_new_session_is_empty(store):
    lease = await store.create("a", "server 1", "hash")
    assert lease == Lease("a", "server 1", 1)
    assert await store.load("a") == StoredSession(epoch=1, sequence=0, parts={})
    assert await store.load("b") is None
    assert await kept_sequences(store) == []


async def test_creating_twice_is_the_same_session_for_its_maker_only(store):
    lease = await store.create("a", "server 1", "hash")
    assert await store.create("a", "server 1", "hash") == lease
    with pytest.raises(SessionExistsError):
        await store.create("a", "server 2", "another hash")
    with pytest.raises(SessionExistsError):
        await store.create("a", "server 1", "hash", fence=2)


async def test_memory_and_result_are_committed_as_one(store):
    lease = await store.create("a", "server 1", "hash")
    assert await store.commit(frame(lease, 1)) is CommitOutcome.COMMITTED
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED
    parts = {"tracker": b"memory 2", "session": b"{}"}
    assert await store.load("a") == StoredSession(1, 2, parts)
    assert await store.results_after("a", 0) == [
        KeptResult(1, b"result 1"),
        KeptResult(2, b"result 2"),
    ]
    assert await kept_sequences(store, after=1) == [2]
    assert await kept_sequences(store, after=2) == []


async def test_any_bytes_are_kept_as_they_are(store):
    lease = await store.create("a", "server 1", "hash")
    blob = bytes(range(256)) * 400
    await store.commit(frame(lease, 1, parts={"tracker": blob}, results=(KeptResult(1, blob),)))
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts == {"tracker": blob}
    assert await store.results_after("a", 0) == [KeptResult(1, blob)]


@pytest.mark.parametrize("num_parts", [499, 500, 501, 6000])
async def test_any_number_of_parts_is_one_commit(store, num_parts):
    lease = await store.create("a", "server 1", "hash")
    parts = {f"tracker/{number}": b"%d" % number for number in range(num_parts)}
    await store.commit(frame(lease, 1, parts=parts))
    half = tuple(list(parts)[::2])
    change = frame(lease, 2, parts={"session": b"{}"}, removed=half, whole=False)
    assert await store.commit(change) is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    left = {name: blob for name, blob in parts.items() if name not in half}
    assert stored.parts == {**left, "session": b"{}"}


@pytest.mark.parametrize("sequence", [1, 2])
async def test_a_repeated_sequence_changes_nothing(store, sequence):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    await store.commit(frame(lease, 2))
    again = frame(lease, sequence, parts={"tracker": b"other"})
    assert await store.commit(again) is CommitOutcome.REPEATED
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts["tracker"] == b"memory 2"
    assert await kept_sequences(store) == [1, 2]


async def test_an_old_fence_is_refused_and_changes_nothing(store):
    old = await store.create("a", "server 1", "hash")
    await store.commit(frame(old, 1))
    taken = await store.take_over("a", "server 2", "hash", "hash 2")
    assert taken is not None
    assert await store.commit(frame(old, 2)) is CommitOutcome.FENCED
    assert taken.lease == Lease("a", "server 2", 2)
    assert taken.stored.sequence == 1
    assert taken.stored.parts["tracker"] == b"memory 1"
    assert await store.commit(frame(taken.lease, 2)) is CommitOutcome.COMMITTED
    assert await kept_sequences(store) == [1, 2]


async def test_a_delta_replaces_the_parts_it_names(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    delta = frame(lease, 2, parts={"tracker": b"new"}, whole=False)
    assert await store.commit(delta) is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts == {"tracker": b"new", "session": b"{}"}


async def test_a_delta_removes_the_parts_it_names(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    parts = {"new": b"1"}
    delta = frame(lease, 2, parts=parts, removed=("session", "never there"), whole=False)
    assert await store.commit(delta) is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts == {"tracker": b"memory 1", "new": b"1"}
    assert await kept_sequences(store) == [1, 2]


async def test_a_whole_memory_leaves_no_old_part(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    await store.commit(frame(lease, 2, parts={"tracker": b"new"}))
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts == {"tracker": b"new"}


@pytest.mark.parametrize(("base", "epoch"), [(0, 1), (2, 1), (1, 2)])
async def test_a_delta_needs_the_base_that_is_there(store, base, epoch):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    delta = frame(lease, 3, base_sequence=base, epoch=epoch, whole=False)
    assert await store.commit(delta) is CommitOutcome.BASE_DIFFERS
    whole = frame(lease, 3, base_sequence=base, epoch=epoch)
    assert await store.commit(whole) is CommitOutcome.COMMITTED


async def test_a_new_epoch_may_be_committed_at_the_same_sequence(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 5))
    reset = frame(lease, 5, epoch=2, results=())
    assert await store.commit(reset) is CommitOutcome.COMMITTED
    assert await store.commit(frame(lease, 6, epoch=1)) is CommitOutcome.REPEATED
    stored = await store.load("a")
    assert stored is not None
    assert (stored.epoch, stored.sequence) == (2, 5)
    assert await kept_sequences(store) == [5]


async def test_only_the_last_results_are_kept(store):
    lease = await store.create("a", "server 1", "hash")
    for sequence in range(1, 31):
        await store.commit(frame(lease, sequence, keep_after=max(0, sequence - 4)))
    assert await kept_sequences(store) == [27, 28, 29, 30]
    await store.commit(frame(lease, 31, keep_after=31))
    assert await kept_sequences(store) == []


async def test_results_that_are_there_already_are_not_kept_twice(store):
    lease = await store.create("a", "server 1", "hash")
    results = tuple(KeptResult(n, b"result %d" % n) for n in (1, 2, 3))
    await store.commit(frame(lease, 2, results=results[:2]))
    # The answer to that commit was lost, so the next one brings its results again.
    assert await store.commit(frame(lease, 3, results=results)) is CommitOutcome.COMMITTED
    assert await store.results_after("a", 0) == list(results)


async def test_sessions_do_not_touch_each_other(store):
    first = await store.create("a", "server 1", "hash a")
    second = await store.create("b", "server 1", "hash b")
    await store.commit(frame(first, 1))
    await store.commit(frame(second, 1, parts={"tracker": b"b"}))
    await store.delete(first)
    stored = await store.load("b")
    assert stored is not None
    assert stored.parts == {"tracker": b"b"}
    assert await store.take_over("b", "server 2", "hash a", "x") is None


async def test_a_store_says_how_full_it_is(store):
    before = await store.usage()
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1, parts={"tracker": b"x" * 300_000}))
    during = await store.usage()
    assert during.used_bytes >= before.used_bytes + 300_000
    await store.delete(lease)
    assert (await store.usage()).used_bytes < during.used_bytes - 200_000
    await store.ping()


async def test_a_cancelled_caller_does_not_cut_a_commit(store):
    lease = await store.create("a", "server 1", "hash")
    for sequence in range(1, 21):
        caller = asyncio.create_task(store.commit(frame(lease, sequence)))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])
        # Were answers off by one, this would read the answer to the commit.
        stored = await store.load("a")
        assert stored is None or isinstance(stored, StoredSession)
    await asyncio.sleep(0.05)
    stored = await store.load("a")
    assert stored is not None
    assert stored.sequence == 20
    assert await kept_sequences(store) == list(range(1, 21))


async def test_many_sessions_commit_at_once(store):
    leases = [await store.create(f"s{n}", "server 1", "hash") for n in range(40)]
    commits = [store.commit(frame(lease, 1)) for lease in leases]
    assert set(await asyncio.gather(*commits)) == {CommitOutcome.COMMITTED}
