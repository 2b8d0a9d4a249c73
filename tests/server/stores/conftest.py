"""Both stores under one name, so that every guarantee is tested on both."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from maskstream_server.stores.interface import SessionStore, StoreTimes
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.stores.redis import RedisStore
from support.aged_stores import AgedStore, either_store
from support.redis_server import PATIENT_S, own_redis, shared_redis

__all__ = ["own_redis", "shared_redis"]

TIMES = StoreTimes(resume_ttl_s=120, lease_s=5)


@pytest.fixture(params=["memory", "redis"])
async def under_test(request: pytest.FixtureRequest) -> AsyncIterator[AgedStore[SessionStore]]:
    on_redis = partial(RedisStore, times=TIMES, timeout_s=PATIENT_S)
    async for aged in either_store(
        request, lambda clock: MemoryStore(TIMES, clock=clock), on_redis
    ):
        yield aged


@pytest.fixture
def store(under_test: AgedStore[SessionStore]) -> SessionStore:
    return under_test.store
