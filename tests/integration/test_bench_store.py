"""The report of `maskstream bench store`; its servers run in threads here, but for one test."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, ProcessCollector

from maskstream_model.port import StepInput
from maskstream_model.presets import preset
from maskstream_server.bench.commands import bench_store
from maskstream_server.bench.servers import BenchServer, MakeModels, running_servers
from maskstream_server.bench.stand_in import StandIn
from maskstream_server.bench.store import measuring
from maskstream_server.bench.store.command import StandInFacts
from maskstream_server.config.settings import Settings
from maskstream_server.session.memory import SessionMemory
from support.lossless import write_lossless
from support.redis_server import RedisServer
from support.server import running_server
from support.tiny import tiny_frames

AWAY = "redis://127.0.0.1:9/0"

WINDOW = preset("daq_r50_ovis").online.appearance_window


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_lossless(tmp_path / "clip.mkv", tiny_frames(3))


@contextmanager
def in_threads(
    settings: Sequence[Settings], make_models: MakeModels
) -> Iterator[list[BenchServer]]:
    with ExitStack() as running:
        wishes = [each.model_dump(exclude_unset=True) for each in settings]
        servers = [running_server(make_models(settings[0]), **each) for each in wishes]
        yield [BenchServer(running.enter_context(server).url) for server in servers]


def test_a_store_is_measured_beside_the_in_process_one(
    tmp_path: Path, clip: Path, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(measuring, "running_servers", in_threads)
    out = tmp_path / "report.json"
    little = ("--rounds", "2", "--frames", "3", "--tracks", "20", "--step-ms", "0")
    asked = [clip, "--store", own_redis.url, "--weights", "random", "--out", out, *little]
    done = CliRunner().invoke(bench_store, [str(each) for each in asked])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    assert report["store"]["fsync"] == "always"
    for part in (report["stand_in"], report["model"]):
        latency = part["latency_ms"]
        assert latency["memory"]["n"] == latency["redis"]["n"] == 6
        above = latency["redis"]["p50"] - latency["memory"]["p50"]
        assert part["redis_above_memory"]["p50_ms"] == pytest.approx(above, abs=0.02)
        assert len(part["redis_above_memory"]["p50_ms_of_rounds"]) == 2
        assert part["takeover_ms"]["n"] == 4
    assert report["stand_in"]["memory"]["parts"] == 20 * WINDOW + 4
    per_frame = report["stand_in"]["per_frame"]["redis"]
    assert per_frame["commit_bytes"] - per_frame["of_which_result"] <= 80 * 1024
    with own_redis.client() as client:
        left = [key for key in client.scan_iter("ms:*:s") if client.hexists(key, "token")]
    assert left == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Name the store to measure: --store redis://host:port/db."),
        (["--store", AWAY], "MASKSTREAM_STORE cannot be used"),
        (["--store", AWAY, "--tracks-of", "daq_r51"], "--tracks-of: .*daq_r51"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(clip: Path, options: list[str], sentence: str):
    done = CliRunner().invoke(bench_store, [str(clip), *options])
    assert done.exit_code in (1, 2)
    (said,) = done.output.strip().splitlines()
    assert re.match(f"Error: {sentence}", said)


@pytest.mark.slow
def test_a_server_of_the_bench_is_a_process_of_its_own():
    settings = Settings(port=0, video_jobs=0)
    with running_servers([settings], StandInFacts("demo", 1, 0.0).make) as (server,):
        assert server.metrics()["process_start_time_seconds"] > began_s()
    with pytest.raises(OSError, match="refused"):
        server.metrics()


def began_s() -> float:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    began = registry.get_sample_value("process_start_time_seconds")
    assert began is not None
    return began


def test_the_stand_in_changes_what_a_frame_of_its_preset_changes():
    model, (frame,) = StandIn("daq_r50_ovis", 20, 0.0), tiny_frames(1)
    (first,) = model.step([StepInput([frame], model.begin())])
    (second,) = model.step([StepInput([frame], first.state)])
    old, new = (
        SessionMemory(model_parts=model.to_parts(each.state)).to_parts() for each in (first, second)
    )
    changed = [name for name, blob in new.items() if old[name] != blob]
    rest = {"session", "model/facts", "model/queries", "model/positions", "model/logit_sums"}
    assert {name for name in new if not name.startswith("model/history/")} == rest
    assert len(new) == 20 * WINDOW + len(rest)
    assert len(changed) == 20 + len(rest) - 1
    assert sum(len(new[name]) for name in changed) <= 64 * 1024
