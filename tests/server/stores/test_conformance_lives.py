"""What every store guarantees of tokens, leases and lives, on every implementation."""

import asyncio

from maskstream_server.stores.interface import (
    CommitOutcome,
    Lease,
)
from support.aged_stores import AgedStore
from support.stores import frame, holder, kept_sequences


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


async def test_a_memory_outlives_its_lease_but_not_its_window(under_test: AgedStore):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    under_test.advance(119)
    assert await store.load("a") is not None
    assert await kept_sequences(store) == [1]
    under_test.advance(2)
    assert await store.load("a") is None
    assert await kept_sequences(store) == []
    assert await store.take_over("a", "server 2", "hash", "hash 2") is None
    assert await store.commit(frame(lease, 2)) is CommitOutcome.MISSING


async def test_commits_and_renewals_prolong_a_memory(under_test: AgedStore):
    store, renewer = under_test.store, under_test.store.renewer()
    lease = await store.create("a", "server 1", "hash")
    for sequence in (1, 2):
        await store.commit(frame(lease, sequence))
        under_test.advance(100)
    assert await asyncio.to_thread(renewer.renew, [lease]) == []
    under_test.advance(100)
    assert await store.load("a") is not None
    assert await kept_sequences(store) == [1, 2]
    renewer.close()


async def test_a_lease_runs_out(under_test: AgedStore):
    store = under_test.store
    await store.create("a", "server 1", "hash")
    assert await holder(store, "a") == "server 1"
    under_test.advance(6)
    assert await holder(store, "a") is None


async def test_a_session_that_is_seized_is_fenced(store):
    lease = await store.create("a", "server 1", "hash")
    assert await store.seize("a", "server 2") == Lease("a", "server 2", 2)
    assert await store.commit(frame(lease, 1)) is CommitOutcome.FENCED
    assert await store.seize("b", "server 2") is None


async def test_a_released_session_has_no_holder(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    await store.release(lease)
    assert await holder(store, "a") is None
    await store.seize("a", "server 2")
    await store.release(lease)  # the old one: changes nothing
    assert await holder(store, "a") == "server 2"


async def test_renewals_keep_a_lease_and_tell_which_are_lost(under_test: AgedStore):
    store, renewer = under_test.store, under_test.store.renewer()
    kept = await store.create("a", "server 1", "hash")
    lost = await store.create("b", "server 1", "hash")
    gone = Lease("c", "server 1", 1)
    await store.take_over("b", "server 2", "hash", "hash 2")
    for _ in range(3):
        under_test.advance(4)
        assert await asyncio.to_thread(renewer.renew, [kept, lost, gone]) == [lost]
    assert await holder(store, "a") == "server 1"
    assert await asyncio.to_thread(renewer.renew, []) == []
    renewer.close()


async def test_a_lease_that_ran_out_is_renewed_where_no_other_took_it(under_test: AgedStore):
    store, renewer = under_test.store, under_test.store.renewer()
    lease = await store.create("a", "server 1", "hash")
    under_test.advance(60)
    assert await asyncio.to_thread(renewer.renew, [lease]) == []
    assert await holder(store, "a") == "server 1"
    renewer.close()


async def test_bye_forgets_everything(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    assert await store.delete(lease)
    assert await store.load("a") is None
    assert await kept_sequences(store) == []
    assert await store.take_over("a", "server 2", "hash", "hash 2") is None
    assert await store.seize("a", "server 2") is None
    assert not await store.delete(lease)


async def test_only_the_holder_may_forget_a_session(store):
    old = await store.create("a", "server 1", "hash")
    await store.take_over("a", "server 2", "hash", "hash 2")
    assert not await store.delete(old)
    assert await store.load("a") is not None


async def test_a_late_commit_does_not_bring_a_deleted_session_back(under_test: AgedStore):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    await store.delete(lease)
    assert await store.commit(frame(lease, 1)) is CommitOutcome.FENCED
    assert await store.load("a") is None
    under_test.advance(21)
    assert await store.commit(frame(lease, 1)) is CommitOutcome.MISSING


async def test_a_lost_session_is_created_again_under_a_higher_fence(under_test: AgedStore):
    store = under_test.store
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    under_test.advance(121)
    lease = await store.create("a", "server 1", "hash", fence=lease.fence + 1)
    assert lease.fence == 2
    assert await kept_sequences(store) == []
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED
    assert await kept_sequences(store) == [2]
