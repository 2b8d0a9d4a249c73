"""What a session store promises, tested on every implementation (design.md section 4)."""

import asyncio

import pytest

from maskstream_server.stores.errors import SessionExists
from maskstream_server.stores.interface import (
    CommitOutcome,
    KeptResult,
    Lease,
    SessionStore,
    StoredSession,
)
from support.stores import frame

from .conftest import StoreUnderTest


async def sequences(store: SessionStore, after: int = 0) -> list[int]:
    return [result.sequence for result in await store.results_after("a", after)]


async def test_a_new_session_is_empty(store):
    lease = await store.create("a", "server 1", "hash")
    assert lease == Lease("a", "server 1", 1)
    assert await store.load("a") == StoredSession(epoch=1, sequence=0, parts={})
    assert await store.load("b") is None
    assert await sequences(store) == []


async def test_creating_twice_is_the_same_session_for_its_maker_only(store):
    lease = await store.create("a", "server 1", "hash")
    assert await store.create("a", "server 1", "hash") == lease
    with pytest.raises(SessionExists):
        await store.create("a", "server 2", "another hash")
    with pytest.raises(SessionExists):
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
    assert await sequences(store, after=1) == [2]
    assert await sequences(store, after=2) == []


async def test_any_bytes_are_kept_as_they_are(store):
    lease = await store.create("a", "server 1", "hash")
    blob = bytes(range(256)) * 400
    await store.commit(frame(lease, 1, parts={"tracker": blob}, results=(KeptResult(1, blob),)))
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts == {"tracker": blob}
    assert await store.results_after("a", 0) == [KeptResult(1, blob)]


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
    assert await sequences(store) == [1, 2]


async def test_an_old_fence_is_refused_and_changes_nothing(store):
    old = await store.create("a", "server 1", "hash")
    await store.commit(frame(old, 1))
    taken = await store.take_over("a", "server 2", "hash", "hash 2")
    assert taken is not None
    assert await store.commit(frame(old, 2)) is CommitOutcome.FENCED
    assert taken.lease == Lease("a", "server 2", 2)
    assert taken.previous_owner == "server 1"
    assert taken.stored.sequence == 1
    assert taken.stored.parts["tracker"] == b"memory 1"
    assert await store.commit(frame(taken.lease, 2)) is CommitOutcome.COMMITTED
    assert await sequences(store) == [1, 2]


async def test_only_the_tokens_that_are_valid_take_a_session_over(store):
    await store.create("a", "server 1", "hash")
    assert await store.take_over("a", "server 2", "wrong", "hash 2") is None
    assert await store.take_over("b", "server 2", "hash", "hash 2") is None
    assert await store.take_over("a", "server 2", "", "hash 2") is None


async def test_the_previous_token_lives_until_the_new_one_is_confirmed(store):
    await store.create("a", "server 1", "hash 1")
    await store.take_over("a", "server 2", "hash 1", "hash 2")
    # The welcome with token 2 was lost: the client comes again with token 1.
    taken = await store.take_over("a", "server 1", "hash 1", "hash 3")
    assert taken is not None
    assert await store.take_over("a", "server 1", "hash 2", "hash 4") is None
    await store.confirm_token(taken.lease)
    assert await store.take_over("a", "server 1", "hash 1", "hash 4") is None
    assert await store.take_over("a", "server 1", "hash 3", "hash 4") is not None


async def test_an_old_lease_confirms_nothing(store):
    old = await store.create("a", "server 1", "hash 1")
    await store.take_over("a", "server 2", "hash 1", "hash 2")
    await store.confirm_token(old)
    assert await store.take_over("a", "server 2", "hash 1", "hash 3") is not None


async def test_a_delta_replaces_the_parts_it_names(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    delta = frame(lease, 2, parts={"tracker": b"new"}, whole=False)
    assert await store.commit(delta) is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    assert stored.parts == {"tracker": b"new", "session": b"{}"}


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
    assert await sequences(store) == [5]


async def test_only_the_last_results_are_kept(store):
    lease = await store.create("a", "server 1", "hash")
    for sequence in range(1, 31):
        await store.commit(frame(lease, sequence, keep_after=max(0, sequence - 4)))
    assert await sequences(store) == [27, 28, 29, 30]
    await store.commit(frame(lease, 31, keep_after=31))
    assert await sequences(store) == []


async def test_results_that_are_there_already_are_not_kept_twice(store):
    lease = await store.create("a", "server 1", "hash")
    results = tuple(KeptResult(n, b"result %d" % n) for n in (1, 2, 3))
    await store.commit(frame(lease, 2, results=results[:2]))
    # The answer to that commit was lost, so the next one brings its results again.
    assert await store.commit(frame(lease, 3, results=results)) is CommitOutcome.COMMITTED
    assert await store.results_after("a", 0) == list(results)


async def test_a_memory_outlives_its_lease_but_not_its_window(under_test: StoreUnderTest):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    under_test.advance(119)
    assert await store.load("a") is not None
    assert await sequences(store) == [1]
    under_test.advance(2)
    assert await store.load("a") is None
    assert await sequences(store) == []
    assert await store.take_over("a", "server 2", "hash", "hash 2") is None
    assert await store.commit(frame(lease, 2)) is CommitOutcome.MISSING


async def test_commits_and_renewals_prolong_a_memory(under_test: StoreUnderTest):
    store, renewer = under_test.store, under_test.store.renewer()
    lease = await store.create("a", "server 1", "hash")
    for sequence in (1, 2):
        await store.commit(frame(lease, sequence))
        under_test.advance(100)
    assert await asyncio.to_thread(renewer.renew, [lease]) == []
    under_test.advance(100)
    assert await store.load("a") is not None
    assert await sequences(store) == [1, 2]
    renewer.close()


async def test_a_session_that_is_held_cannot_be_acquired(under_test: StoreUnderTest):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    assert await store.acquire("a", "server 2") is None
    under_test.advance(6)
    assert await store.acquire("a", "server 2") == Lease("a", "server 2", 2)
    assert await store.commit(frame(lease, 1)) is CommitOutcome.FENCED


async def test_a_released_session_can_be_acquired_at_once(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    await store.release(lease)
    assert await store.acquire("a", "server 2") == Lease("a", "server 2", 2)
    await store.release(lease)  # the old one: changes nothing
    assert await store.acquire("a", "server 3") is None
    assert await store.acquire("b", "server 2") is None


async def test_a_takeover_of_a_released_session_had_no_owner(store):
    lease = await store.create("a", "server 1", "hash")
    await store.release(lease)
    taken = await store.take_over("a", "server 2", "hash", "hash 2")
    assert taken is not None
    assert taken.previous_owner is None


async def test_renewals_keep_a_lease_and_tell_which_are_lost(under_test: StoreUnderTest):
    store, renewer = under_test.store, under_test.store.renewer()
    kept = await store.create("a", "server 1", "hash")
    lost = await store.create("b", "server 1", "hash")
    gone = Lease("c", "server 1", 1)
    await store.take_over("b", "server 2", "hash", "hash 2")
    for _ in range(3):
        under_test.advance(4)
        assert await asyncio.to_thread(renewer.renew, [kept, lost, gone]) == [lost]
    assert await store.acquire("a", "server 2") is None
    assert await asyncio.to_thread(renewer.renew, []) == []
    renewer.close()


async def test_a_lease_that_ran_out_is_renewed_where_nobody_took_it(under_test: StoreUnderTest):
    store, renewer = under_test.store, under_test.store.renewer()
    lease = await store.create("a", "server 1", "hash")
    under_test.advance(60)
    assert await asyncio.to_thread(renewer.renew, [lease]) == []
    assert await store.acquire("a", "server 2") is None
    renewer.close()


async def test_bye_forgets_everything(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    assert await store.delete(lease)
    assert await store.load("a") is None
    assert await sequences(store) == []
    assert await store.take_over("a", "server 2", "hash", "hash 2") is None
    assert await store.acquire("a", "server 2") is None
    assert not await store.delete(lease)


async def test_only_the_holder_may_forget_a_session(store):
    old = await store.create("a", "server 1", "hash")
    await store.take_over("a", "server 2", "hash", "hash 2")
    assert not await store.delete(old)
    assert await store.load("a") is not None


async def test_a_late_commit_does_not_bring_a_deleted_session_back(under_test: StoreUnderTest):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    await store.delete(lease)
    assert await store.commit(frame(lease, 1)) is CommitOutcome.FENCED
    assert await store.load("a") is None
    under_test.advance(21)
    assert await store.commit(frame(lease, 1)) is CommitOutcome.MISSING


async def test_a_lost_session_is_created_again_under_a_higher_fence(under_test: StoreUnderTest):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    under_test.advance(121)
    lease = await store.create("a", "server 1", "hash", fence=lease.fence + 1)
    assert lease.fence == 2
    assert await sequences(store) == []
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED
    assert await sequences(store) == [2]


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
    assert await sequences(store) == list(range(1, 21))


async def test_many_sessions_commit_at_once(store):
    leases = [await store.create(f"s{n}", "server 1", "hash") for n in range(40)]
    commits = [store.commit(frame(lease, 1)) for lease in leases]
    assert set(await asyncio.gather(*commits)) == {CommitOutcome.COMMITTED}
