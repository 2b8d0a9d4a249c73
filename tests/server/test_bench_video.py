"""The report of `maskstream bench-video`."""

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from maskstream_server.bench.commands import bench_video
from support.lossless import write_lossless
from support.tiny import tiny_frames


def test_a_video_is_measured_beside_the_model_alone(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(4))
    out = tmp_path / "report.json"
    done = CliRunner().invoke(bench_video, [str(clip), "--weights", "random", "--out", str(out)])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    assert (report["model"], report["size"]) == ("demo", "96x64")
    for name, at_once in (("model_alone", 1), ("model_alone_in_clips", 4)):
        assert (report[name]["at_once"], report[name]["frames"]) == (at_once, 4)
    for name in ("ytvis", "ytvis_overlay"):
        run = report[name]
        for ratio, alone in (
            (run["ratio"], report["model_alone"]),
            (run["ratio_in_clips"], report["model_alone_in_clips"]),
        ):
            expected = run["seconds"] / alone["seconds"]
            assert abs(ratio - expected) < 0.01 * expected + 0.01
        assert run["memory_before_mib"] > 10
        assert "children_peak_mib" in run


def test_a_file_that_is_no_video_is_one_sentence(tmp_path: Path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    done = CliRunner().invoke(bench_video, [str(clip), "--weights", "random"])
    assert done.exit_code == 1
    assert len(done.output.strip().splitlines()) == 1


TAKE_64_MIB = """
import subprocess, sys
from maskstream_server.bench.memory import MemoryMeter
waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
child = subprocess.Popen(waiting, stdin=subprocess.PIPE)
with MemoryMeter() as meter:
    taken = bytearray(64 << 20)
    taken[:: 1 << 12] = bytes(len(taken) >> 12)
    while len(meter._samples) < 4:
        pass
child.communicate()
report = meter.report()
print(report["memory_peak_above_mib"], report["children_peak_mib"])
"""


def test_memory_that_is_taken_for_a_moment_is_seen_and_that_of_children():
    # In a process of its own: this one may let go of as much at the same time.
    done = subprocess.run([sys.executable, "-c", TAKE_64_MIB], stdout=subprocess.PIPE)
    own, children = map(float, done.stdout.split())
    assert own > 40
    assert children > 1
