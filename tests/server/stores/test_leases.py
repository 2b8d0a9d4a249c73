"""Leases are kept by a thread of their own, whatever else the process does."""

import asyncio
import threading
from collections.abc import Sequence

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.interface import Lease, StoreTimes
from maskstream_server.stores.leases import LeaseKeeper
from maskstream_server.stores.memory import MemoryStore
from support.stores import Clock, holder


class Renewer:
    """Remembers what it was asked to renew; some leases are lost, some calls fail."""

    def __init__(self, lost: Sequence[Lease] = ()) -> None:
        self.calls: list[list[Lease]] = []
        self.lost = list(lost)
        self.away = False
        self.failures = 0
        self.closed = False
        self.called = threading.Event()

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        self.calls.append(list(leases))
        self.called.set()
        if self.away:
            raise StoreUnreachableError("unplugged")
        if len(self.calls) <= self.failures:
            raise ValueError("a bug")
        return [lease for lease in leases if lease in self.lost]

    def close(self) -> None:
        self.closed = True


A, B = Lease("a", "server", 1), Lease("b", "server", 1)


def test_held_leases_are_renewed_by_the_thread():
    renewer = Renewer()
    keeper = LeaseKeeper(renewer, 0.005, lambda lease: None)
    keeper.hold(A)
    assert renewer.called.wait(60)
    keeper.close()
    assert renewer.calls[-1] == [A]
    assert renewer.closed


def test_a_renewal_that_fails_ends_no_other(caplog):
    renewer = Renewer()
    renewer.failures = 2
    keeper = LeaseKeeper(renewer, 0.002, lambda lease: None)
    keeper.hold(A)
    while len(renewer.calls) < 4:
        renewer.called.clear()
        assert renewer.called.wait(60)
    keeper.close()
    assert caplog.text.count("a bug") >= 2


def test_a_lost_lease_is_reported_once_and_let_go():
    lost: list[Lease] = []
    renewer = Renewer(lost=[A])
    keeper = LeaseKeeper(renewer, 60, lost.append)
    keeper.hold(A)
    keeper.hold(B)
    keeper.renew_now()
    keeper.renew_now()
    keeper.close()
    assert lost == [A]
    assert renewer.calls == [[A, B], [B]]


def test_a_newer_lease_takes_the_place_of_the_older_one():
    renewer = Renewer()
    keeper = LeaseKeeper(renewer, 60, lambda lease: None)
    newer = Lease("a", "server", 2)
    keeper.hold(A)
    keeper.hold(newer)
    keeper.drop(A)
    keeper.renew_now()
    keeper.drop(newer)
    keeper.renew_now()
    keeper.close()
    assert renewer.calls == [[newer]]


def test_a_lease_that_is_replaced_while_it_is_renewed_is_not_reported_as_lost():
    lost: list[Lease] = []
    newer = Lease("a", "server", 2)

    class Slow(Renewer):
        def renew(self, leases: Sequence[Lease]) -> list[Lease]:
            keeper.hold(newer)
            return super().renew(leases)

    renewer = Slow(lost=[A])
    keeper = LeaseKeeper(renewer, 60, lost.append)
    keeper.hold(A)
    keeper.renew_now()
    keeper.renew_now()
    keeper.close()
    assert lost == []
    assert renewer.calls == [[A], [newer]]


def test_an_absent_store_costs_no_lease():
    lost: list[Lease] = []
    renewer = Renewer(lost=[])
    keeper = LeaseKeeper(renewer, 60, lost.append)
    keeper.hold(A)
    renewer.away = True
    keeper.renew_now()
    renewer.away = False
    keeper.renew_now()
    keeper.close()
    assert lost == []
    assert renewer.calls == [[A], [A]]


async def test_a_kept_lease_lives_and_a_dropped_one_runs_out():
    clock = Clock()
    store = MemoryStore(StoreTimes(lease_s=5), clock=clock)
    keeper = LeaseKeeper(store.renewer(), 60, lambda lease: None)
    lease = await store.create("a", "server", "hash")
    keeper.hold(lease)
    for _ in range(4):
        clock.now_s += 4
        await asyncio.to_thread(keeper.renew_now)
    assert await holder(store, "a") == "server"
    keeper.drop(lease)
    clock.now_s += 6
    keeper.renew_now()
    assert await holder(store, "a") is None
    keeper.close()
