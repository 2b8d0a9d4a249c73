"""What every store guarantees to those who look at sessions, or take them, from outside."""

import asyncio

from maskstream_server.stores.interface import CommitOutcome, KeptResult, Lease, SessionListing
from support.stores import frame


async def received(heard: list[KeptResult | None], count: int) -> list[KeptResult | None]:
    """Wait until so many results were heard."""
    async with asyncio.timeout(60):
        while len(heard) < count:
            await asyncio.sleep(0.005)
    return heard


async def test_a_listing_shows_where_each_session_stands_and_who_holds_it(store):
    held = await store.create("a", "server 1", "hash")
    await store.commit(frame(held, 7))
    left = await store.create("b", "server 1", "hash")
    await store.release(left)
    gone = await store.create("c", "server 1", "hash")
    await store.delete(gone)
    first, second = sorted(await store.listing(10), key=lambda each: each.session)
    assert first == SessionListing("a", 1, 7, "server 1", first.expires_ms)
    assert second == SessionListing("b", 1, 0, None, second.expires_ms)
    assert 0 < first.expires_ms <= 120_000
    assert len(await store.listing(1)) == 1


async def test_who_seizes_a_session_shuts_its_holder_out(store):
    old = await store.create("a", "server 1", "hash")
    await store.commit(frame(old, 1))
    lease = await store.seize("a", "server 2")
    assert lease == Lease("a", "server 2", 2)
    assert await store.commit(frame(old, 2)) is CommitOutcome.FENCED
    assert await store.take_over("a", "server 3", "hash", "new") is not None
    assert await store.seize("b", "server 2") is None
    await store.delete(await store.seize("a", "server 2"))
    assert await store.seize("a", "server 2") is None


async def test_a_watch_receives_every_result_once_and_the_end(store):
    lease = await store.create("a", "server 1", "hash")
    other = await store.create("b", "server 1", "hash")
    await store.commit(frame(lease, 1))
    heard: list[KeptResult | None] = []
    watch = await store.watch("a", heard.append)
    results = tuple(KeptResult(n, b"result %d\n:" % n) for n in (2, 3))
    await store.commit(frame(lease, 3, results=results, keep_after=3))
    await store.commit(frame(lease, 3))
    await store.commit(frame(other, 1))
    await store.commit(frame(lease, 4))
    assert await received(heard, 3) == [*results, KeptResult(4, b"result 4")]
    await store.delete(lease)
    assert (await received(heard, 4))[3] is None
    await watch.close()


async def test_a_watch_that_is_closed_receives_no_more_and_others_do(store):
    lease = await store.create("a", "server 1", "hash")
    first: list[KeptResult | None] = []
    second: list[KeptResult | None] = []
    closing = await store.watch("a", first.append)
    staying = await store.watch("a", second.append)
    await closing.close()
    await store.commit(frame(lease, 1))
    await received(second, 1)
    assert first == []
    await staying.close()


async def test_a_discarded_session_is_gone_whichever_server_holds_it_and_viewers_are_notified(
    store,
):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(frame(lease, 1))
    heard: list[KeptResult | None] = []
    watch = await store.watch("a", heard.append)
    await store.discard("a")
    assert await received(heard, 1) == [None]
    assert await store.load("a") is None
    assert await store.results_after("a", 0) == []
    assert await store.commit(frame(lease, 2)) is CommitOutcome.MISSING
    await store.discard("a")
    await watch.close()


async def test_a_ticket_is_taken_once_however_many_ask_for_it_at_once(store):
    await store.keep_ticket("hash", "caller", 30.0)
    await store.keep_ticket("other", "someone else", 30.0)
    taken = await asyncio.gather(*(store.take_ticket("hash") for _ in range(20)))
    assert sorted(taken, key=str) == [None] * 19 + ["caller"]
    assert await store.take_ticket("other") == "someone else"
    assert await store.take_ticket("never kept") is None


async def test_a_ticket_expires_and_the_caller_without_keys_has_no_name(under_test):
    await under_test.store.keep_ticket("short", "caller", 10.0)
    await under_test.store.keep_ticket("long", "", 30.0)
    under_test.advance(20.0)
    assert await under_test.store.take_ticket("short") is None
    assert await under_test.store.take_ticket("long") == ""


async def test_tickets_are_no_sessions(store):
    await store.keep_ticket("hash", "caller", 30.0)
    assert await store.listing(10) == []
