import asyncio

from prometheus_client import CollectorRegistry

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.service import Service
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.telemetry.metrics import Metrics
from support.server import FakeModel


class Engine:
    ready = True

    async def stop(self, timeout_s: float) -> bool:
        return True


class Store(MemoryStore):
    closed = False

    async def close(self) -> None:
        self.closed = True


async def test_the_last_commits_are_waited_for_before_the_store_is_closed():
    store = Store()
    service = Service(
        settings=Settings(),
        model=FakeModel(),
        engine=Engine(),
        store=store,
        owner="me",
        metrics=Metrics(CollectorRegistry()),
        random_bytes=bytes,
        clock=lambda: 0.0,
    )
    committed_before_close = []

    async def commit() -> None:
        await asyncio.sleep(0.01)
        committed_before_close.append(not store.closed)

    await service.drain()
    # Such work begins when the last sockets are closed, after the last message.
    service.background.start(commit())
    await service.stop()
    assert (committed_before_close, store.closed) == ([True], True)
