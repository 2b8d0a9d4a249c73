"""Both stores of videos under one name, so that every guarantee is tested on both."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.redis_store import RedisVideoStore
from maskstream_server.jobs.records.store import VideoStore
from support.aged_stores import AgedStore, either_store
from support.redis_server import PATIENT_S, own_redis, shared_redis

__all__ = ["own_redis", "shared_redis"]

RETENTION_S = 1000.0


@pytest.fixture(params=["memory", "redis"])
async def under_test(request: pytest.FixtureRequest) -> AsyncIterator[AgedStore[VideoStore]]:
    in_memory = partial(MemoryVideoStore, RETENTION_S)
    on_redis = partial(RedisVideoStore, retention_s=RETENTION_S, timeout_s=PATIENT_S)
    async for aged in either_store(request, in_memory, on_redis, "mv:{*"):
        yield aged


@pytest.fixture
def store(under_test: AgedStore[VideoStore]) -> VideoStore:
    return under_test.store
