"""What the in-process store guarantees beside the conformance suite: a bound on its memory."""

import pytest

from maskstream_server.errors import StoreFullError
from maskstream_server.stores.interface import CommitOutcome, StoreTimes
from maskstream_server.stores.memory import MemoryStore
from support.stores import Clock, frame


async def test_a_full_store_refuses_new_sessions_and_keeps_old_ones():
    store = MemoryStore(max_bytes=1000)
    lease = await store.create("a", "server", "hash")
    await store.commit(frame(lease, 1, parts={"tracker": bytes(799)}, results=()))
    other = await store.create("b", "server", "hash")
    await store.commit(frame(other, 1, parts={"tracker": bytes(1)}, results=()))
    with pytest.raises(StoreFullError):
        await store.create("c", "server", "hash")
    assert await store.commit(frame(lease, 2)) is CommitOutcome.COMMITTED
    await store.create("c", "server", "hash")


async def test_what_has_expired_takes_no_memory():
    clock = Clock()
    store = MemoryStore(StoreTimes(resume_ttl_s=10), clock=clock)
    for name in "abc":
        lease = await store.create(name, "server", "hash")
        await store.commit(frame(lease, 1, parts={"tracker": bytes(1000)}))
    assert (await store.usage()).used_bytes > 3000
    clock.now_s += 11
    assert (await store.usage()).used_bytes == 0
    assert store._records == {}


async def test_bytes_are_counted_over_a_whole_life():
    store = MemoryStore()
    lease = await store.create("a", "server", "hash")
    for sequence in range(1, 50):
        kept = max(0, sequence - 3)
        await store.commit(frame(lease, sequence, parts={"t": bytes(100)}, keep_after=kept))
    assert (await store.usage()).used_bytes == 100 + 3 * len(b"result 49")
    await store.delete(lease)
    assert (await store.usage()).used_bytes == 0
