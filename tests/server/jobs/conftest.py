"""Both stores of videos under one name, so that every promise is tested on both."""

from collections.abc import AsyncIterator, Callable

import pytest

from maskstream_server.jobs.memory_store import MemoryVideoStore
from maskstream_server.jobs.store import VideoStore
from maskstream_server.stores.redis import RedisVideoStore
from support.redis_server import RedisServer, own_redis, shared_redis
from support.stores import Clock

__all__ = ["own_redis", "shared_redis"]

RETENTION_S = 1000.0


class StoreUnderTest:
    """A store, and the passing of time as it sees it."""

    def __init__(self, store: VideoStore, advance: Callable[[float], None]) -> None:
        self.store = store
        self.advance = advance


@pytest.fixture(params=["memory", "redis"])
async def under_test(request: pytest.FixtureRequest) -> AsyncIterator[StoreUnderTest]:
    if request.param == "memory":
        clock = Clock()

        def advance(seconds: float) -> None:
            clock.now_s += seconds

        yield StoreUnderTest(MemoryVideoStore(RETENTION_S, clock), advance)
        return
    server: RedisServer = request.getfixturevalue("shared_redis")
    server.client().flushall()
    store = RedisVideoStore(server.url, RETENTION_S)
    yield StoreUnderTest(store, lambda seconds: _shorten_lives(server, seconds))
    await store.close()


@pytest.fixture
def store(under_test: StoreUnderTest) -> VideoStore:
    return under_test.store


def _shorten_lives(server: RedisServer, seconds: float) -> None:
    """Let time pass for every key of a video: what had less than that to live is gone."""
    with server.client() as client:
        for key in client.scan_iter("mv:{*"):
            left_ms = client.pttl(key)
            assert left_ms > 0, f"{key!r} would live for ever"
            client.pexpire(key, max(0, left_ms - round(1000 * seconds)))
