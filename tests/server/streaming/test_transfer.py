"""Sessions made from outside, where the store fails in the middle."""

import random
from types import SimpleNamespace

import pytest

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.streaming import transfer
from support.stores import Clock, FailingStore, frame


async def test_a_session_that_could_not_be_filled_is_not_left_behind():
    store = FailingStore(Clock())
    await store.commit(frame(await store.create("a", "server", "hash"), 1))
    service = SimpleNamespace(store=store, owner="server", random_bytes=random.Random(0).randbytes)
    store.is_away = True
    with pytest.raises(StoreUnreachableError):
        await transfer.fork(service, "a")
    assert [each.session for each in await store.listing(10)] == ["a"]
    store.is_away = False
    await transfer.fork(service, "a")
    assert len(await store.listing(10)) == 2
