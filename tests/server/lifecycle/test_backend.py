"""The backend of a server or worker: built before it is ready, shown, and eager where refused."""

import asyncio
import threading

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from maskstream_model.backends import table
from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.backend import prepare_model, run_on_backend
from maskstream_server.lifecycle.models import Models
from maskstream_server.telemetry.work_metrics import WorkMetrics
from support.backends import StandInBackend
from support.tiny import tiny_model

DEADLINE_S = 60.0


def wrong(outputs):
    return [each * 1.01 for each in outputs]


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKSTREAM_ENGINES_DIR", str(tmp_path / "engines"))
    return Settings(
        backend="openvino",
        compile_size="96x64,64x96",
        max_batch=2,
        threads=1,
        data_folder=tmp_path / "videos",
        decoders=1,
    )


@pytest.fixture
def stand_in(monkeypatch):
    def put(backend):
        monkeypatch.setattr(table, "BUILDERS", {"openvino": lambda: backend})

    return put


def prepared(settings, model):
    """What is logged, and the lines of the metric."""
    registry = CollectorRegistry()
    with structlog.testing.capture_logs() as logs:
        prepare_model(settings, model, WorkMetrics(registry), lambda doing: None)
    lines = generate_latest(registry).decode().splitlines()
    return logs, [line for line in lines if line.startswith("maskstream_backend{")]


def test_log_and_metrics_say_which_backend_runs(settings, stand_in):
    stand_in(StandInBackend())
    model = tiny_model()
    logs, lines = prepared(settings, model)
    assert model.info.backend == "openvino"
    doing = [each["doing"] for each in logs if each["event"] == "engine_prepares"]
    assert doing == [f"{what} engine {n} of 2" for n in (1, 2) for what in ("building", "checking")]
    assert logs[-1]["event"] == "backend"
    assert (logs[-1]["name"], logs[-1]["precision"]) == ("openvino", "float32")
    assert logs[-1]["agreement"]["same_ids"]
    assert lines == [
        'maskstream_backend{backend="openvino",precision="float32",wanted="openvino"} 1.0'
    ]


def test_a_refused_backend_leaves_eager_and_its_numbers_in_the_log(settings, stand_in):
    stand_in(StandInBackend(wrong))
    model = tiny_model()
    logs, lines = prepared(settings, model)
    assert model.info.backend == "eager"
    (refused,) = [each for each in logs if each["event"] == "backend_refused"]
    assert refused["log_level"] == "warning"
    assert "embeddings_whole by 1.0e-02 of its size (bound 0.002)" in refused["reason"]
    assert lines == [
        'maskstream_backend{backend="eager",precision="float32",wanted="openvino"} 1.0'
    ]


def test_without_a_server_the_refusal_is_an_error(settings, stand_in):
    stand_in(StandInBackend(wrong))
    with pytest.raises(StartError, match=r"^openvino is not used: for frames of 96x64"):
        run_on_backend(settings, tiny_model(), lambda doing: None)


def test_the_old_name_works_with_a_warning(settings, stand_in):
    stand_in(StandInBackend())
    model = tiny_model()
    old = settings.model_copy(update={"backend": "auto", "compile": "openvino"})
    logs, _ = prepared(old, model)
    assert model.info.backend == "openvino"
    assert [each["old"] for each in logs if each["event"] == "setting_deprecated"] == [
        "MASKSTREAM_COMPILE"
    ]


async def test_a_server_says_what_it_builds_until_it_is_ready(settings, stand_in):
    backend, go_on = StandInBackend(), threading.Event()
    build = backend.build

    def slow_build(source, folder):
        assert go_on.wait(DEADLINE_S)
        return build(source, folder)

    backend.build = slow_build
    stand_in(backend)
    service = assemble(settings, Models(tiny_model()))
    starting = asyncio.create_task(service.start())
    try:
        async with asyncio.timeout(DEADLINE_S):
            while service.trouble is None:
                await asyncio.sleep(0.01)
            assert service.trouble == "building engine 1 of 2"
            assert not (await service.readiness())["engine"]
            assert service.stalled is None
            go_on.set()
            await starting
        assert service.trouble is None
        assert (await service.readiness())["engine"]
        assert service.model.info.backend == "openvino"
    finally:
        go_on.set()
        await service.stop()
