"""Sessions in Redis that cannot be read: they stop no other, are shown, and can be removed."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from redis import Redis
from structlog.testing import capture_logs

from maskstream_server.errors import SessionUnreadableError
from maskstream_server.stores.interface import CommitOutcome, Lease
from maskstream_server.stores.redis import RedisStore
from support.redis_server import RedisServer
from support.stores import frame, kept_sequences

MEMORY, LEASE, RESULTS = (f"ms:{{a}}:{kind}" for kind in "slr")


def other_kind(key: str) -> Callable[[Redis], object]:
    def damage(client: Redis) -> None:
        client.delete(key)
        client.lpush(key, "a list")

    return damage


UNREADABLE: list[Callable[[Redis], object]] = [
    other_kind(MEMORY),
    lambda client: client.hset(MEMORY, "epoch", "first"),
    lambda client: client.hset(MEMORY, "epoch", 0),
    lambda client: client.hset(MEMORY, "sequence", b"\xff"),
    lambda client: client.hset(MEMORY, "sequence", -1),
    lambda client: client.hdel(MEMORY, "sequence"),
]


@pytest.fixture
async def store(shared_redis: RedisServer) -> AsyncIterator[RedisStore]:
    shared_redis.client().flushall()
    store = RedisStore(shared_redis.url)
    for name in "abc":
        await store.commit(frame(await store.create(name, "server", f"hash {name}"), 1))
    yield store
    await store.close()


@pytest.fixture(params=UNREADABLE)
def damaged(request: pytest.FixtureRequest, store, shared_redis: RedisServer) -> RedisStore:
    with shared_redis.client() as client:
        request.param(client)
    return store


async def test_a_list_shows_it_among_the_others(damaged):
    with capture_logs() as logs:
        listed = {each.session: each for each in await damaged.listing(10)}
    assert sorted(listed) == ["a", "b", "c"]
    assert (listed["a"].readable, listed["a"].epoch, listed["a"].sequence) == (False, None, None)
    assert (listed["b"].readable, listed["b"].sequence) == (True, 1)
    assert [(line["event"], line["session"]) for line in logs] == [("session_unreadable", "a")]


async def test_keys_of_no_session_stop_no_list(store, shared_redis):
    with shared_redis.client() as client:
        for key in (b"ms:{\xff}:s", b"ms:{}:s", b"ms:{a}:s}:s", b"ms:{a/b}:s"):
            client.hset(key, mapping={"token": "t", "epoch": 1, "sequence": 1})
    assert sorted(each.session for each in await store.listing(10)) == ["a", "b", "c"]


async def test_it_is_not_taken_for_absent(damaged):
    with pytest.raises(SessionUnreadableError, match="'a' cannot be read"):
        await damaged.load("a")
    try:
        taken = await damaged.take_over("a", "other", "hash a", "new")
    except SessionUnreadableError:
        return
    assert taken is not None
    assert taken.stored is None
    assert await damaged.delete(taken.lease)


async def test_it_can_be_discarded_and_the_name_used_again(damaged):
    await damaged.discard("a")
    assert await damaged.load("a") is None
    lease = await damaged.create("a", "server", "new hash")
    assert await damaged.commit(frame(lease, 1)) is CommitOutcome.COMMITTED
    assert await kept_sequences(damaged) == [1]


async def test_leases_of_the_others_are_renewed(damaged, shared_redis):
    renewer = damaged.renewer()
    with shared_redis.client() as client:
        client.pexpire("ms:{b}:l", 100)
        leases = [Lease(name, "server", 1) for name in "abc"]
        assert await asyncio.to_thread(renewer.renew, leases) == []
        assert client.pttl("ms:{b}:l") > 1000
    renewer.close()


@pytest.mark.parametrize(
    "damage", [other_kind(RESULTS), lambda client: client.xadd(RESULTS, {"x": "y"}, "2-0")]
)
async def test_results_that_cannot_be_read_are_reported(store, shared_redis, damage):
    with shared_redis.client() as client:
        damage(client)
    with pytest.raises(SessionUnreadableError):
        await store.results_after("a", 0)
    assert [result.sequence for result in await store.results_after("b", 0)] == [1]


async def test_the_owner_repairs_numbers_with_the_next_commit(store, shared_redis):
    with shared_redis.client() as client:
        client.hset(MEMORY, mapping={"epoch": "first", "sequence": "many"})
    lease = Lease("a", "server", 1)
    assert await store.commit(frame(lease, 2, whole=False)) is CommitOutcome.BASE_DIFFERS
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    assert (stored.epoch, stored.sequence) == (1, 2)


async def test_a_fence_that_is_no_number_shuts_writers_out_until_it_is_discarded(
    store, shared_redis
):
    with shared_redis.client() as client:
        client.hset(MEMORY, "fence", "high")
    assert await store.commit(frame(Lease("a", "server", 1), 2)) is CommitOutcome.FENCED
    for call in (store.seize("a", "b"), store.take_over("a", "b", "hash a", "new")):
        with pytest.raises(SessionUnreadableError):
            await call
    await store.discard("a")
    assert await store.seize("a", "b") is None
