"""The report of `maskstream bench store`; its servers run in threads here, but for one test."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, ProcessCollector

from maskstream_bench import store as store_bench
from maskstream_bench.servers import running_servers
from maskstream_bench.stand_in import WINDOW, StandIn
from maskstream_model.port import StepInput
from maskstream_server.config.settings import Settings
from maskstream_server.session.memory import SessionMemory
from support.bench import in_threads
from support.redis_server import RedisServer
from support.tiny import tiny_frames

AWAY = "redis://127.0.0.1:9/0"


def test_a_store_is_measured_beside_the_in_process_one(
    tmp_path: Path, clip: Path, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_bench, "running_servers", in_threads)
    out = tmp_path / "report.json"
    little = ("--rounds", "2", "--frames", "3", "--tracks", "20", "--step-ms", "0")
    asked = [clip, "--store", own_redis.url, "--weights", "random", "--out", out, *little]
    done = CliRunner().invoke(store_bench.store, [str(each) for each in asked])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    runs = report["runs"]
    for name in ("stand_in", "model"):
        memory, redis = runs[f"{name}_memory"], runs[f"{name}_redis"]
        assert memory["answered"] == redis["answered"] == 6
        assert redis["fsync"] == "always"
        assert len(redis["latency_ms_p50_of_rounds"]) == 2
        assert redis["takeover_ms"]["n"] == 4
        assert redis["takeover_ms"]["p50"] > 0
        ratio = report["ratios"][f"{name}_redis / {name}_memory"]["latency_ms"]["p50"]
        expected = redis["latency_ms"]["p50"] / memory["latency_ms"]["p50"]
        assert ratio == pytest.approx(expected, abs=0.001)
    run = runs["stand_in_redis"]
    assert run["session"]["parts"] == 20 * WINDOW + 2
    assert 60 * 1024 <= run["commit_bytes"] - run["result_bytes"] <= 80 * 1024
    with own_redis.client() as client:
        left = [key for key in client.scan_iter("ms:*:s") if client.hexists(key, "token")]
    assert left == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Name the store to measure: --store redis://host:port/db."),
        (["--store", AWAY], "MASKSTREAM_STORE cannot be used"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(clip: Path, options: list[str], sentence: str):
    done = CliRunner().invoke(store_bench.store, [str(clip), *options])
    assert done.exit_code in (1, 2)
    (said,) = done.output.strip().splitlines()
    assert re.match(f"Error: {sentence}", said)


@pytest.mark.slow
def test_a_server_of_the_bench_is_a_process_of_its_own():
    settings = Settings(video_jobs=0)
    with running_servers([settings], StandIn(1).models) as (server,):
        assert server.metrics()["process_start_time_seconds"] > began_s()
        assert server.pid != os.getpid()
    with pytest.raises(OSError, match="refused"):
        server.metrics()


def began_s() -> float:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    began = registry.get_sample_value("process_start_time_seconds")
    assert began is not None
    return began


def test_a_frame_of_the_stand_in_changes_as_much_as_one_of_a_real_model():
    """20 tracks of 256 values: 24 parts and 64 KiB of a frame of `daq_r50_ovis`."""
    model, (frame,) = StandIn(20), tiny_frames(1)
    (first,) = model.step([StepInput([frame], model.begin())])
    (second,) = model.step([StepInput([frame], first.state)])
    old, new = (
        SessionMemory(model_parts=model.to_parts(each.state)).to_parts() for each in (first, second)
    )
    changed = [name for name, blob in new.items() if old[name] != blob]
    assert len(new) == 20 * WINDOW + 3
    assert len(changed) == 20 + 2
    assert 60 * 1024 <= sum(len(new[name]) for name in changed) <= 64 * 1024
