"""The report of `maskstream bench-video`."""

import json
from pathlib import Path

from click.testing import CliRunner

from maskstream_server.bench_memory import MIB, MemoryMeter
from maskstream_server.commands import bench_video
from support.lossless import write_lossless
from support.tiny import tiny_frames


def test_a_video_is_measured_beside_the_model_alone(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(4))
    out = tmp_path / "report.json"
    done = CliRunner().invoke(bench_video, [str(clip), "--weights", "random", "--out", str(out)])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    assert (report["model"], report["frames"], report["size"]) == ("demo", 4, [64, 96])
    for name in ("ytvis", "ytvis_overlay"):
        run = report[name]
        expected = run["seconds"] / report["model_alone"]["seconds"]
        assert abs(run["ratio"] - expected) < 0.01 * expected + 0.01
        assert run["memory_before_mib"] > 10
        assert run["children_peak_mib"] > 1


def test_a_file_that_is_no_video_is_one_sentence(tmp_path: Path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    done = CliRunner().invoke(bench_video, [str(clip), "--weights", "random"])
    assert done.exit_code == 1
    assert len(done.output.strip().splitlines()) == 1


def test_memory_that_is_taken_for_a_moment_is_seen():
    with MemoryMeter() as meter:
        taken = bytearray(64 * MIB)
        taken[:: 1 << 12] = bytes(len(taken) >> 12)
        while len(meter._samples) < 4:
            pass
    assert meter.report()["memory_peak_above_mib"] > 40
