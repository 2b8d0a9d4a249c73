"""The report of `maskstream bench video`; its server runs in a thread here."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench import video as video_bench
from support.bench import in_threads


@pytest.fixture(autouse=True)
def _in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_bench, "running_servers", in_threads)


def test_a_video_is_measured_beside_the_model_alone(tmp_path: Path, clip: Path):
    out = tmp_path / "report.json"
    asked = [str(clip), "--weights", "random", "--out", str(out)]
    done = CliRunner().invoke(video_bench.video, asked)
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    runs = report["runs"]
    for alone, at_once in (("model_alone", 1), ("model_alone_in_clips", 4)):
        run = runs[alone]
        assert (run["size"], run["at_once"], run["frames"]) == ("96x64", at_once, 4)
        for job in ("ytvis", "ytvis_overlay"):
            expected = runs[job]["seconds"] / run["seconds"]
            ratio = report["ratios"][f"{job} / {alone}"]["seconds"]
            assert ratio == pytest.approx(expected, abs=0.001)
            assert runs[job]["server"]["memory_mib"]["first"] > 10


def test_a_file_that_is_no_video_is_one_sentence(tmp_path: Path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    done = CliRunner().invoke(video_bench.video, [str(clip), "--weights", "random"])
    assert done.exit_code == 1
    assert len(done.output.strip().splitlines()) == 1
