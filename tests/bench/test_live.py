"""`maskstream bench` and `bench live` against a server."""

import json
import os
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from maskstream_command.group import main
from maskstream_model.aliases import Frame
from maskstream_model.port import FrameResult
from support.lossless import write_lossless
from support.server import FakeModel, running_server
from support.tiny import tiny_frames

NOBODY = "ws://127.0.0.1:9"


def bench(*asked: object):
    return CliRunner().invoke(main, ["bench", *map(str, asked)])


def test_streams_are_measured_with_the_machine_where_no_subject_is_named(tmp_path: Path):
    out = tmp_path / "report.json"
    asked = ("--frames", 20, "--size", "64x48", "--pid", os.getpid(), "--out", out)
    with running_server() as live:
        done = bench("--url", live.url, *asked)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report == json.loads(out.read_text())
    assert report["subject"] == "live"
    assert (report["asked"]["frames"], report["asked"]["size"]) == (20, "64x48")
    assert report["machine"]["cpu"] is not None
    assert report["machine"]["matrix_gflop_s"] > 0
    run = report["runs"]["live"]
    assert (run["answered"], run["dropped"]) == (20, 0)
    assert set(run["server_parts_ms"]) == {"wait", "decode", "infer", "encode"}
    latency = run["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["max"]
    assert run["server"]["memory_mib"]["last"] > 1
    assert len(run["over_time"]["infer_ms"]) == 10


def test_keys_and_addresses_stay_out_of_the_report():
    with running_server(api_keys=("k" * 16,)) as live:
        done = bench("live", "--url", live.url, "--frames", 1, "--api-key", "k" * 16)
    assert done.exit_code == 0, done.output
    assert "k" * 16 not in done.stdout
    assert live.url not in done.stdout


def test_live_streams_are_measured_beside_a_whole_video_which_is_deleted_afterwards(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(40))
    asked = ("--sessions", 2, "--frames", 12, "--size", "96x64", "--beside-video", clip)
    with running_server() as live:
        done = bench("--url", live.url, *asked)
        left = httpx.get(f"{live.url}/v1/videos").json()["videos"]
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    runs = report["runs"]
    assert runs["single"]["answered"] == 12
    assert runs["alone"]["answered"] == runs["beside_video"]["answered"] == 24
    growth = report["ratios"]["beside_video / alone"]["latency_ms"]
    for name in ("p50", "p95"):
        one, other = (runs[run]["latency_ms"][name] for run in ("beside_video", "alone"))
        assert growth[name] == pytest.approx(one / other, abs=0.001)
    assert left == []


def test_a_video_that_the_server_cannot_read_is_one_sentence(tmp_path: Path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    with running_server() as live:
        done = bench("--url", live.url, "--frames", 2, "--beside-video", clip)
    assert done.exit_code == 1
    assert done.output.startswith("Error: clip.mp4 failed: The file is no video")


class TiringModel(FakeModel):
    """After 350 frames of a session a step takes long."""

    def track(self, frame: Frame, age: int) -> FrameResult:
        time.sleep(0.02 if age > 351 else 0)
        return super().track(frame, age)


@pytest.mark.slow
def test_a_model_whose_steps_grow_with_the_session_is_found_out():
    with running_server(model=TiringModel()) as live:
        done = bench("--url", live.url, "--frames", 400, "--size", "64x48", "--flat")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [report["runs"][name]["frames"] for name in ("long", "new")] == [480, 960]
    ratio = report["ratios"]["long / new"]
    assert len(ratio["step_ms_of_parts"]) == len(report["runs"]["long"]["step_ms"]) == 10
    assert ratio["step_ms_of_parts"][-1] > 2 * ratio["step_ms"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["--flat", "--sessions", 2], "one session"),
        (["--url", NOBODY, "--size", "big"], "WIDTHxHEIGHT"),
        (["--url", NOBODY, "--frames", 1], "No server can be reached"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(asked: list[object], sentence: str):
    done = bench(*asked)
    assert done.exit_code != 0
    assert sentence in done.output.strip().splitlines()[-1]
