"""The report of `maskstream bench model`."""

import json
from pathlib import Path
from statistics import median

from click.testing import CliRunner

from maskstream_server.bench.commands import bench_model
from support.lossless import write_lossless
from support.tiny import tiny_frames


def test_whole_steps_are_timed_one_by_one(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(5))
    done = CliRunner().invoke(
        bench_model, [str(clip), "--weights", "random", "--frames", "3", "--threads", "1"]
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert (report["model"], report["size"], report["threads"]) == ("demo", "96x64", 1)
    assert len(report["step_s"]) == len(report["tracks"]) == 3
    assert report["median_s"] == median(report["step_s"]) > 0
    assert report["matrix_gflop_s"] > 0
