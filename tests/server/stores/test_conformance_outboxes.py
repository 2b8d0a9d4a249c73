"""What every store guarantees of outboxes: deliveries come with commits, in order, and outlive."""

from dataclasses import replace

from maskstream_server.stores.interface import (
    CommitOutcome,
    Delivery,
    Lease,
    Outbox,
)
from support.stores import frame

HOOK, MQTT = Outbox("a", "webhook"), Outbox("a", "mqtt")


def with_deliveries(lease: Lease, sequence: int, *bodies: bytes, channel="webhook"):
    deliveries = tuple(Delivery(sequence, channel, body) for body in bodies)
    return replace(frame(lease, sequence), deliveries=deliveries)


async def taken(store, outbox: Outbox) -> list[bytes]:
    found = []
    while (body := await store.first_delivery(outbox)) is not None:
        await store.delivered(outbox, body)
        found.append(body)
    return found


async def test_deliveries_are_taken_in_the_order_of_their_commits(store):
    lease = await store.create("a", "server 1", "hash")
    assert await store.outboxes() == []
    await store.commit(with_deliveries(lease, 1, b"one", b"two"))
    await store.commit(with_deliveries(lease, 2, b"three"))
    await store.commit(with_deliveries(lease, 3, b"other", channel="mqtt"))
    assert set(await store.outboxes()) == {HOOK, MQTT}
    assert await taken(store, HOOK) == [b"one", b"two", b"three"]
    assert await taken(store, MQTT) == [b"other"]
    assert await store.outboxes() == []


async def test_a_commit_that_is_refused_adds_nothing(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(with_deliveries(lease, 1, b"one"))
    again = with_deliveries(lease, 1, b"again")
    assert await store.commit(again) is CommitOutcome.REPEATED
    await store.seize("a", "server 2")
    assert await store.commit(with_deliveries(lease, 2, b"two")) is CommitOutcome.FENCED
    assert await taken(store, HOOK) == [b"one"]


async def test_what_a_lost_answer_makes_come_twice_is_there_once(store):
    lease = await store.create("a", "server 1", "hash")
    first = with_deliveries(lease, 1, b"one")
    await store.commit(first)
    merged = with_deliveries(lease, 2, b"two")
    merged = replace(merged, deliveries=first.deliveries + merged.deliveries)
    assert await store.commit(merged) is CommitOutcome.COMMITTED
    assert await taken(store, HOOK) == [b"one", b"two"]


async def test_what_is_delivered_is_only_taken_if_it_is_still_first(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(with_deliveries(lease, 1, b"one", b"two"))
    await store.delivered(HOOK, b"one")
    await store.delivered(HOOK, b"one")
    assert await store.first_delivery(HOOK) == b"two"


async def test_an_outbox_outlives_its_session(store):
    lease = await store.create("a", "server 1", "hash")
    await store.commit(with_deliveries(lease, 1, b"one"))
    assert await store.delete(lease)
    assert await taken(store, HOOK) == [b"one"]


async def test_one_server_at_a_time_delivers(store):
    assert await store.claim_outbox(HOOK, "server 1", 60)
    assert await store.claim_outbox(HOOK, "server 1", 60)
    assert not await store.claim_outbox(HOOK, "server 2", 60)
    assert await store.claim_outbox(MQTT, "server 2", 60)
    await store.leave_outbox(HOOK, "server 2")
    assert not await store.claim_outbox(HOOK, "server 2", 60)
    await store.leave_outbox(HOOK, "server 1")
    assert await store.claim_outbox(HOOK, "server 2", 60)


async def test_a_claim_runs_out(under_test):
    store = under_test.store
    await store.claim_outbox(HOOK, "server 1", 5)
    under_test.advance(6)
    assert await store.claim_outbox(HOOK, "server 2", 5)
