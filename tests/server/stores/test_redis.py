"""What the Redis store guarantees beside the conformance suite: never silent, never mixed up."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from maskstream_server.errors import StoreFullError, StoreUnreachableError
from maskstream_server.stores.interface import CommitOutcome, KeptResult, Lease, StoreTimes
from maskstream_server.stores.redis import RedisStore
from maskstream_server.stores.redis.coding import keys_of
from support.redis_server import RedisServer, free_port
from support.stores import frame

Connect = Callable[..., RedisStore]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes stores, and closes them after the test."""
    stores: list[RedisStore] = []

    def make(url: str, **options) -> RedisStore:
        stores.append(RedisStore(url, **options))
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


async def test_a_killed_store_comes_back_with_what_was_committed(own_redis, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    assert await store.commit(frame(lease, 1)) is CommitOutcome.COMMITTED
    own_redis.kill()
    with pytest.raises(StoreUnreachableError):
        await store.commit(frame(lease, 2))
    with pytest.raises(StoreUnreachableError):
        await store.ping()
    own_redis.start()
    stored = await store.load("a")
    assert stored is not None
    assert (stored.sequence, stored.parts["tracker"]) == (1, b"memory 1")
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED
    assert [kept.sequence for kept in await store.results_after("a", 0)] == [1, 2]


async def test_connections_that_a_restart_has_broken_cost_no_error(own_redis, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    await asyncio.gather(*(store.ping() for _ in range(8)))
    own_redis.stop()
    own_redis.start()
    results = await asyncio.gather(*(store.commit(frame(lease, 1)) for _ in range(4)))
    # Scripts are gone with the restart; each is sent again where it is missing.
    assert sorted(result.value for result in results) == ["committed"] + 3 * ["repeated"]
    assert own_redis.client().script_exists("0" * 40) == [False]


async def test_a_store_that_forgot_its_scripts_gets_them_again(own_redis, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    renewer = store.renewer()
    for sequence in (1, 2):
        own_redis.client().script_flush()
        assert await store.commit(frame(lease, sequence)) is CommitOutcome.COMMITTED
        own_redis.client().script_flush()
        assert await asyncio.to_thread(renewer.renew, [lease]) == []
    renewer.close()


async def test_a_store_that_is_not_there_is_away(connect):
    store = connect(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnreachableError):
        await store.ping()
    with pytest.raises(StoreUnreachableError):
        await store.create("a", "server", "hash")
    renewer = store.renewer()
    with pytest.raises(StoreUnreachableError):
        await asyncio.to_thread(renewer.renew, [Lease("a", "server", 1)])
    renewer.close()


async def test_a_store_that_hangs_is_away_and_mixes_up_no_answer(own_redis, connect):
    store = connect(own_redis.url, timeout_s=0.2)
    lease = await store.create("a", "server", "hash")
    own_redis.pause()
    commits = [store.commit(frame(lease, sequence)) for sequence in (1, 2, 3)]
    outcomes = await asyncio.gather(*commits, store.ping(), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnreachableError}
    own_redis.resume()
    # Whatever the store has done of that, answers belong to their questions.
    assert await store.ping() is None
    outcome = await store.commit(frame(lease, 4))
    assert outcome is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    assert stored.sequence == 4


async def test_cancelled_callers_mix_up_no_answers(shared_redis, connect):
    store = connect(shared_redis.url, max_connections=2)
    shared_redis.client().flushall()
    leases = [await store.create(f"s{n}", "server", "hash") for n in range(6)]
    for sequence in range(1, 11):
        callers = [
            asyncio.create_task(
                store.commit(frame(lease, sequence, parts={"n": lease.session.encode()}))
            )
            for lease in leases
        ]
        await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
        await asyncio.wait(callers)
        for lease in leases[1::2]:
            stored = await store.load(lease.session)
            assert stored is not None
            assert stored.parts == {"n": lease.session.encode()}
    await store.close()
    late = connect(shared_redis.url)
    for lease in leases:
        stored = await late.load(lease.session)
        assert stored is not None
        assert stored.sequence == 10


async def test_a_store_at_four_fifths_refuses_new_sessions_and_keeps_old_ones(own_redis, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    used_bytes = (await store.usage()).used_bytes
    own_redis.client().config_set("maxmemory", int(used_bytes / 0.75))
    await store.create("b", "server", "hash")
    own_redis.client().config_set("maxmemory", int(used_bytes / 0.85))
    with pytest.raises(StoreFullError):
        await store.create("c", "server", "hash")
    assert await store.commit(frame(lease, 1)) is CommitOutcome.COMMITTED


async def test_a_store_without_memory_is_away_and_writes_nothing_by_halves(own_redis, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    await store.commit(frame(lease, 1))
    own_redis.client().config_set("maxmemory", 1)
    with pytest.raises(StoreUnreachableError):
        await store.commit(frame(lease, 2))
    own_redis.client().config_set("maxmemory", 0)
    stored = await store.load("a")
    assert stored is not None
    assert (stored.sequence, set(stored.parts)) == (1, {"tracker", "session"})
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED


async def test_a_read_only_store_is_away(own_redis: RedisServer, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    own_redis.client().replicaof("127.0.0.1", free_port())
    with pytest.raises(StoreUnreachableError):
        await store.commit(frame(lease, 1))
    own_redis.client().replicaof("no", "one")
    assert await store.commit(frame(lease, 1)) is CommitOutcome.COMMITTED


async def test_every_key_of_a_session_has_one_hash_tag_and_an_end(shared_redis, connect):
    store = connect(shared_redis.url, times=StoreTimes(resume_ttl_s=50, lease_s=5))
    shared_redis.client().flushall()
    lease = await store.create("a", "server", "hash")
    await store.commit(frame(lease, 1))
    client = shared_redis.client()
    lives_s = {key.decode(): client.ttl(key) for key in client.scan_iter()}
    assert set(lives_s) == set(keys_of("a")) == {"ms:{a}:s", "ms:{a}:l", "ms:{a}:r"}
    assert 0 < lives_s["ms:{a}:l"] <= 5
    assert 40 < lives_s["ms:{a}:s"] <= 50
    assert 40 < lives_s["ms:{a}:r"] <= 50
    assert b"hash" in client.hvals("ms:{a}:s")


@pytest.mark.parametrize("name", ["", "a}b", "{a"])
def test_a_session_name_cannot_leave_its_slot(name):
    with pytest.raises(ValueError, match="cannot be the name"):
        keys_of(name)


async def test_an_answer_that_was_lost_is_made_good_by_the_same_commit(own_redis, connect):
    store = connect(own_redis.url, timeout_s=0.2)
    lease = await store.create("a", "server", "hash")
    results = tuple(KeptResult(n, b"%d" % n) for n in (1, 2))
    own_redis.pause()
    waiting = asyncio.create_task(store.commit(frame(lease, 1, results=results[:1])))
    with pytest.raises(StoreUnreachableError):
        await waiting
    own_redis.resume()
    again = await store.commit(frame(lease, 2, results=results))
    assert again is CommitOutcome.COMMITTED
    assert await store.results_after("a", 0) == list(results)


async def test_a_watch_continues_after_the_store_was_away(own_redis, connect):
    store = connect(own_redis.url)
    lease = await store.create("a", "server", "hash")
    heard: list[KeptResult | None] = []
    watch = await store.watch("a", heard.append)
    own_redis.kill()
    own_redis.start()
    async with asyncio.timeout(60):
        while not heard:
            await asyncio.sleep(0.1)
            stored = await store.load("a")
            assert stored is not None
            await store.commit(frame(lease, stored.sequence + 1))
    await watch.close()


async def test_a_watch_continues_after_an_error_of_any_kind(shared_redis, connect, caplog):
    shared_redis.client().flushall()
    store = connect(shared_redis.url)
    lease = await store.create("a", "server", "hash")
    heard: list[KeptResult | None] = []

    def hear(result: KeptResult | None) -> None:
        heard.append(result)
        if len(heard) == 1:
            raise ValueError("a bug")

    watch = await store.watch("a", hear)
    async with asyncio.timeout(60):
        sequence = 0
        while len(heard) < 2:
            sequence += 1
            await store.commit(frame(lease, sequence))
            await asyncio.sleep(0.1)
    await watch.close()
    assert "a bug" in caplog.text


async def test_no_watch_opens_on_a_store_that_is_away(connect):
    store = connect(f"redis://127.0.0.1:{free_port()}/0", timeout_s=0.2)
    with pytest.raises(StoreUnreachableError):
        await store.watch("a", print)
