"""`maskstream eval`: options in, a table, JSON or one clear sentence out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from maskstream_train.commands import evaluate

SMALL = ("--clips=1", "--frames=2", "--size=64x64", "--set=min_size=64")
RANDOM = ("--weights=random", "--set=emergence_score_min=0.3")


def _run(*options: str) -> Result:
    return CliRunner().invoke(evaluate, options)


def test_a_plain_run_prints_a_table() -> None:
    result = _run(*SMALL, *RANDOM)
    assert result.exit_code == 0, result.output
    assert "1 clips, 2 frames" in result.stdout
    assert "emergence recall" in result.stdout


def test_json_is_all_that_goes_to_stdout() -> None:
    result = _run(*SMALL, *RANDOM, "--json")
    content = json.loads(result.stdout)
    report = content["reports"]["daq"]
    assert content["settings"]["rules"]["emergence_score_min"] == 0.3
    assert content["settings"]["size"] == [64, 64]
    assert report["num_frames"] == 2
    assert set(report) == {
        *("rules", "num_clips", "num_frames", "vis", "vis_agnostic", "identity", "counts"),
    }


def test_the_baseline_stands_beside_the_model() -> None:
    result = _run(*SMALL, *RANDOM, "--tracker=hungarian", "--json", "--grid=similarity_min=0")
    content = json.loads(result.stdout)
    baseline = [name for name in content["reports"] if name.startswith("hungarian, ")]
    assert list(content["reports"]) == ["daq", *baseline]
    assert content["reports"][baseline[0]]["rules"]["similarity_min"] == 0
    assert len(content["notes"]) == len(baseline) > 0


def test_a_sweep_has_a_row_per_point() -> None:
    grid = ("--grid=emergence_score_min=0.3,0.9", "--grid=tracked_score_min=0.25")
    result = _run(*SMALL, *RANDOM, "--sweep", *grid)
    assert result.exit_code == 0, result.output
    assert len([line for line in result.stdout.splitlines() if line.startswith("│")]) == 2
    assert len(json.loads(_run(*SMALL, *RANDOM, "--sweep", *grid, "--json").stdout)["reports"]) == 2


def test_tracks_are_written_as_a_result_file(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    rules = ("--set=first_frame_score_min=0", "--set=tracked_score_min=0")
    assert _run(*SMALL, *RANDOM, *rules, f"--out={out}").exit_code == 0
    entries = json.loads(out.read_text())
    assert {len(entry["segmentations"]) for entry in entries} == {2}


def test_frames_with_a_truth_of_presence_get_a_verdict(tmp_path: Path) -> None:
    for index in range(3):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{index}.jpg")
    truth = tmp_path / "truth.json"
    thing = {"id": "A", "first": 0, "last": 2, "enters": "top", "leaves": "bottom"}
    truth.write_text(json.dumps({"clip": {"objects": [thing], "empty": []}}))
    result = _run(*RANDOM, "--set=min_size=64", f"--data={tmp_path}", f"--truth={truth}", "--json")
    assert json.loads(result.stdout)["objects"][0]["id"] == "A"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--preset=nix",), "nix"),
        (("--weights=nix.pth",), "nix.pth"),
        ((*RANDOM, "--set=nix=1"), "unknown override nix"),
        ((*RANDOM, "--set=tracked_score_min=2"), "between 0 and 1"),
        ((*RANDOM, "--data=nix"), "there is no file or folder nix"),
        ((*RANDOM, "--sweep", "--out=x.json"), "one run only"),
        ((*RANDOM, "--size=big"), "WIDTHxHEIGHT such as 448x256"),
        ((*RANDOM, "--clips=0"), "0 is not in the range"),
        ((*RANDOM, "--clips=-3"), "-3 is not in the range"),
        ((*RANDOM, "--frames=0"), "0 is not in the range"),
        ((*RANDOM, "--seed=-1"), "-1 is not in the range"),
        ((*RANDOM, "--min-score=2"), "2.0 is not in the range"),
        ((*RANDOM, "--size=4x4"), "height must be at least"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(options: tuple[str, ...], sentence: str) -> None:
    result = _run(*options)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_the_command_is_listed_without_importing_torch() -> None:
    code = "import sys, maskstream_train.commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
