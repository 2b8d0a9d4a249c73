"""What an executor reports and counts while its store is away."""

from types import SimpleNamespace

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from maskstream_server.config.settings import Settings
from maskstream_server.errors import StoreUnreachableError
from maskstream_server.session.actions import CommitMemory
from maskstream_server.stores.interface import Lease
from maskstream_server.streaming.background import Background
from maskstream_server.streaming.connection_metrics import ConnectionMetrics
from maskstream_server.streaming.executor import ActionExecutor
from maskstream_server.telemetry.metrics import Metrics
from maskstream_server.telemetry.tracing import Tracing
from support.pictures import new_packets
from support.stores import Clock, FailingStore

SAVE = CommitMemory(epoch=1, sequence=1, parts={}, results=(), keep_after=0)


class AbsentStore(FailingStore):
    """Nothing works."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.is_away = True

    async def confirm_token(self, lease: Lease) -> None:
        raise StoreUnreachableError("unplugged")

    async def delete(self, lease: Lease) -> bool:
        raise StoreUnreachableError("unplugged")

    async def release(self, lease: Lease) -> None:
        raise StoreUnreachableError("unplugged")


@pytest.fixture
def service() -> SimpleNamespace:
    return SimpleNamespace(
        store=AbsentStore(),
        metrics=Metrics(CollectorRegistry()),
        background=Background(),
        packet_decoder=new_packets,
        hold=lambda lease: None,
        let_go=lambda lease: None,
        settings=Settings(),
        tracing=Tracing(),
        clock=Clock(),
    )


def without_store(service: SimpleNamespace) -> float | None:
    return service.metrics.registry.get_sample_value("maskstream_sessions_without_store")


async def test_an_absent_store_is_logged_once_whatever_else_it_was_asked_for(service):
    opening = SimpleNamespace(lease=Lease("a", "server", 1), token="token")
    events = []
    structlog.reset_defaults()  # what another test has quietened
    with capture_logs() as lines:
        executor = ActionExecutor(
            service, opening, SimpleNamespace(), events.append, ConnectionMetrics(service)
        )
        executor.save(SAVE)
        executor.confirm_token()
        await service.background.finish(1.0)
        assert without_store(service) == 1
    assert [line["event"] for line in lines].count("store_away") == 1
    assert len(events) == 1


async def test_a_session_that_ends_without_its_store_is_counted_no_more(service, monkeypatch):
    monkeypatch.setattr("maskstream_server.streaming.executor.FORGET_WITHIN_S", 0.01)
    opening = SimpleNamespace(lease=Lease("a", "server", 1), token="token")
    executor = ActionExecutor(
        service, opening, SimpleNamespace(), lambda event: None, ConnectionMetrics(service)
    )
    executor.save(SAVE)
    await executor.forget()
    assert without_store(service) == 1
    await executor.finish()
    assert without_store(service) == 0
