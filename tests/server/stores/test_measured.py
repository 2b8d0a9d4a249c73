"""A store under measurement does the same, and reports how long it took."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.interface import Lease
from maskstream_server.stores.measured import COMMANDS, measured
from support.stores import Clock, FailingStore, frame


class World:
    def __init__(self) -> None:
        self.inner = FailingStore(Clock())
        self.registry = CollectorRegistry()
        self.store = measured(self.inner, self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"maskstream_store_{name}", labels)


@pytest.fixture
def world() -> World:
    return World()


def test_every_command_of_a_store_is_measured(world):
    assert {"create", "commit", "ping", "watch"} <= set(COMMANDS)
    for command in COMMANDS:
        assert getattr(world.store, command) != getattr(world.inner, command)


async def test_commands_are_timed_by_kind_and_their_bytes_counted(world):
    store = world.store
    lease = await store.create("a", "me", "hash")
    commit = frame(lease, 1)
    await store.commit(commit)
    stored = await store.load("a")
    (kept,) = await store.results_after("a", 0)
    assert (stored, kept) == (await world.inner.load("a"), commit.results[0])
    assert world.value("command_seconds_count", command="commit") == 1
    assert world.value("command_seconds_count", command="delete") == 0
    assert world.value("written_bytes_total", command="commit") == commit.num_bytes
    parts = sum(len(blob) for blob in commit.parts.values())
    assert world.value("read_bytes_total", command="load") == parts
    assert world.value("read_bytes_total", command="results_after") == len(kept.message)
    taken = await store.take_over("a", "you", "hash", "new")
    assert taken.stored == stored
    assert world.value("read_bytes_total", command="take_over") == parts


async def test_a_repeated_commit_writes_nothing(world):
    lease = await world.store.create("a", "me", "hash")
    for _ in range(2):
        await world.store.commit(frame(lease, 1))
    assert world.value("command_seconds_count", command="commit") == 2
    assert world.value("written_bytes_total", command="commit") == frame(lease, 1).num_bytes


async def test_an_absent_store_is_down_until_a_command_works(world):
    world.inner.is_away = True
    with pytest.raises(StoreUnreachableError):
        await world.store.commit(frame(Lease("a", "me", 1), 1))
    assert world.value("up") == 0
    assert world.value("failures_total", command="commit") == 1
    await world.store.ping()
    assert world.value("up") == 1


async def test_a_command_that_is_given_up_finds_the_store_away_where_it_hung(world, monkeypatch):
    async def hangs() -> None:
        await asyncio.sleep(60)

    world.inner.ping = hangs
    await world.store.usage()
    for hangs_s, up in ((10.0, 1), (0.0, 0)):
        monkeypatch.setattr("maskstream_server.stores.measured.HANGS_S", hangs_s)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.store.ping(), 0.01)
        assert world.value("up") == up


async def test_the_free_memory_of_a_store_is_reported_when_it_is_asked_for(world):
    lease = await world.store.create("a", "me", "hash")
    await world.store.commit(frame(lease, 1))
    usage = await world.store.usage()
    assert world.value("used_bytes") == usage.used_bytes > 0
    assert world.value("max_bytes") == float("inf")
