"""`maskstream bench --beside-video` against a server."""

import json
from pathlib import Path

import httpx
from click.testing import CliRunner

from maskstream_client.commands import bench
from support.lossless import write_lossless
from support.server import running_server
from support.tiny import tiny_frames


def measure(url: str, clip: Path):
    asked = ("--sessions", "2", "--frames", "12", "--size", "96x64", "--beside-video", str(clip))
    return CliRunner().invoke(bench, ["--url", url, *asked])


def test_live_streams_are_measured_beside_a_whole_video_which_is_deleted_afterwards(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(40))
    with running_server() as live:
        done = measure(live.url, clip)
        left = httpx.get(f"{live.url}/v1/videos").json()["videos"]
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["frame_ms"] > 0
    assert report["alone"]["answered"] == report["beside_video"]["answered"] == 24
    growth, p95 = (
        report["latency_growth_ms"]["p95"],
        [report[name]["latency_ms"]["p95"] for name in ("alone", "beside_video")],
    )
    assert abs(growth - (p95[1] - p95[0])) < 0.02
    assert left == []


def test_a_video_that_the_server_cannot_read_is_one_sentence(tmp_path: Path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    with running_server() as live:
        done = measure(live.url, clip)
    assert done.exit_code == 1
    assert done.output.startswith("Error: clip.mp4 failed: The file is no video")
