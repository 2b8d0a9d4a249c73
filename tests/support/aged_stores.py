"""A store in this process or on a real Redis, and the passing of time as it sees it."""

from collections.abc import AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar

import pytest

from support.redis_server import RedisServer
from support.stores import Clock


class Closing(Protocol):
    """What can be let go of."""

    async def close(self) -> None: ...


Store = TypeVar("Store", bound=Closing)


class AgedStore(Generic[Store]):
    """A store; `advance` lets so many seconds pass for it."""

    def __init__(self, store: Store, advance: Callable[[float], None]) -> None:
        self.store = store
        self.advance = advance


async def either_store(
    request: pytest.FixtureRequest,
    in_memory: Callable[[Clock], Store],
    on_redis: Callable[[str], Store],
    keys: str = "*",
) -> AsyncIterator[AgedStore[Store]]:
    """Yield the store that the fixture's parameter names: "memory" or "redis".

    Args:
        request: of the fixture.
        in_memory: makes one that reads this clock.
        on_redis: makes one on the Redis of this address.
        keys: pattern of the keys that may live for a while only.
    """
    if request.param == "memory":
        clock = Clock()
        yield AgedStore(in_memory(clock), clock.advance)
        return
    server: RedisServer = request.getfixturevalue("shared_redis")
    server.client().flushall()
    store = on_redis(server.url)
    yield AgedStore(store, lambda seconds: shorten_lives(server, seconds, keys))
    await store.close()


def shorten_lives(server: RedisServer, seconds: float, keys: str = "*") -> None:
    """Let time pass for every key: what had less than that to live is gone."""
    with server.client() as client:
        for key in client.scan_iter(keys):
            left_ms = client.pttl(key)
            assert left_ms > 0, f"{key!r} would live for ever"
            client.pexpire(key, max(0, left_ms - round(1000 * seconds)))
