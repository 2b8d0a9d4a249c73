"""What is counted outside of a connection: lateness, slots, steps, the device, the engine."""

import math

import pytest
import torch
from prometheus_client import CollectorRegistry, generate_latest

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.readings import device_memory, show_device, show_engine
from maskstream_server.lifecycle.service import Service
from maskstream_server.stores.interface import Lease
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.streaming.connection_registry import ConnectionRegistry
from maskstream_server.telemetry.metrics import Metrics, late_by
from support.server import FakeModel


@pytest.mark.parametrize(
    ("ready_s", "sent_s", "cause"),
    [
        (0.1, 0.2, None),
        (0.2, 0.5, None),
        (0.5, 0.6, "engine"),
        (0.1, 0.6, "client"),
        (0.4, 0.7, "engine"),
    ],
)
def test_a_late_result_is_attributed_to_what_took_longer(ready_s, sent_s, cause):
    assert late_by(arrived_s=0.0, ready_s=ready_s, sent_s=sent_s, limit_s=0.5) == cause


class FakeConnection:
    address, silent_s = "10.0.0.1", 0.0

    def give_way(self) -> None: ...
    def taken_over(self) -> None: ...
    def going_away(self, in_ms: int) -> None: ...
    def restart(self) -> None: ...


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_slots_are_free_until_connections_take_them():
    metrics = Metrics(CollectorRegistry())
    parts = {"random_bytes": bytes, "clock": lambda: 0.0, "owner": "me", "engine": None}
    service = Service(
        Settings(max_sessions=3), FakeModel(), store=MemoryStore(), metrics=metrics, **parts
    )
    registry: ConnectionRegistry = service.connections
    assert value(metrics, "maskstream_slots_free") == 3
    connection = FakeConnection()
    registry.enter(Lease("a", "me", 1), connection)
    assert value(metrics, "maskstream_slots_free") == 2
    assert value(metrics, "maskstream_sessions_live") == 1
    registry.leave("a", connection)
    assert value(metrics, "maskstream_slots_free") == 3


def test_a_step_counts_its_frames_and_its_time():
    metrics = Metrics(CollectorRegistry())
    metrics.batch_done(2, 0.25, [0.001, 0.002])
    metrics.step_failed(RuntimeError())
    assert value(metrics, "maskstream_batch_frames_sum") == 2
    assert value(metrics, "maskstream_engine_busy_seconds_total") == 0.25
    assert value(metrics, "maskstream_stage_seconds_count", stage="inference") == 2
    assert value(metrics, "maskstream_stage_seconds_count", stage="wait") == 2
    assert value(metrics, "maskstream_failed_steps_total") == 1


def test_the_memory_of_the_cpu_is_that_of_this_process():
    used, total = device_memory("cpu")
    assert 1e7 < used < total


def test_the_memory_of_a_gpu_is_what_is_not_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda place: (30, 100))
    assert device_memory("cuda:1") == (70, 100)


def test_a_device_that_has_failed_leaves_the_other_metrics(monkeypatch):
    def broken(place: torch.device) -> tuple[int, int]:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(torch.cuda, "mem_get_info", broken)
    metrics = Metrics(CollectorRegistry())
    show_device("cuda", metrics.registry)
    assert math.isnan(value(metrics, "maskstream_device_memory_used_bytes"))
    assert b"maskstream_results_total 0.0" in generate_latest(metrics.registry)


class Engine:
    num_waiting = 3
    ready = True

    def stalled_for_s(self) -> float:
        return 12.5


def test_the_engine_is_read_when_it_is_scraped():
    registry, engine = CollectorRegistry(), Engine()
    show_engine(engine, registry)
    assert registry.get_sample_value("maskstream_engine_waiting_frames") == 3
    assert registry.get_sample_value("maskstream_engine_step_age_seconds") == 12.5
    assert registry.get_sample_value("maskstream_engine_ready") == 1
    engine.num_waiting, engine.ready = 0, False
    assert registry.get_sample_value("maskstream_engine_waiting_frames") == 0
    assert registry.get_sample_value("maskstream_engine_ready") == 0
