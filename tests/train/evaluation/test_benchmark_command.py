"""`maskstream eval --format`: what it writes and prints, or one clear sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maskstream_train.commands import evaluate
from maskstream_train.data.vipseg import VipsegReader
from maskstream_train.evaluation.results import read_results
from support.datasets import Tubes
from support.tiny_sets import demo_set

RANDOM = ("--weights=random", "--set=min_size=64", "--set=first_frame_score_min=0")


def _run(tubes: Tubes, *options: str) -> Result:
    out = tubes.folder / "results.json"
    data = (f"--data={tubes.write()}", f"--out={out}")
    return CliRunner().invoke(evaluate, [*RANDOM, *data, *options])


@pytest.mark.parametrize("form", ["ytvis", "ovis"])
def test_the_command_writes_and_measures(tmp_path: Path, form: str) -> None:
    result = _run(demo_set(tmp_path), f"--format={form}", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["settings"]["format"] == form
    assert ("AP_occ_heavy" in report["score"]["overall"]) == (form == "ovis")
    found = read_results(tmp_path / "results.json")
    assert {each.video_id for each in found} == {4, 9}
    assert {each.category for each in found} <= set(range(10, 210, 10))


def test_the_command_prints_tables_and_where_the_results_are(tmp_path: Path) -> None:
    result = _run(demo_set(tmp_path), "--format=ytvis", "--objects=emerging")
    text = " ".join(result.stdout.split())
    assert "objects that emerge only" in text
    assert "results: " in text


def test_the_command_says_that_nothing_was_measured(tmp_path: Path) -> None:
    tubes = demo_set(tmp_path)
    tubes.content["annotations"] = []
    result = _run(tubes, "--format=ovis")
    assert result.exit_code == 0, result.output
    assert "has no annotations, so nothing was measured here" in " ".join(result.stdout.split())
    assert (tmp_path / "results.json").is_file()


def test_videos_beyond_another_set_are_run_alone(tmp_path: Path) -> None:
    tubes = demo_set(tmp_path)
    known = tmp_path / "known" / "short.json"
    known.parent.mkdir()
    known.write_text(
        json.dumps(tubes.content | {"videos": tubes.content["videos"][:1]} | {"annotations": None})
    )
    result = _run(tubes, "--format=ytvis", f"--beyond={known}")
    assert result.exit_code == 0, result.output
    assert {each.video_id for each in read_results(tmp_path / "results.json")} == {4}


def _fewer_classes(tubes: Tubes) -> None:
    tubes.content["categories"].pop()


def _other_classes(tubes: Tubes) -> None:
    tubes.content["categories"][0]["name"] = "cat"


def _missing_frame(tubes: Tubes) -> None:
    (tubes.pictures / "4" / "3.png").unlink()


def _cut_frame(tubes: Tubes) -> None:
    path = tubes.pictures / "9" / "2.png"
    path.write_bytes(path.read_bytes()[:-60])


def _broken_mask(tubes: Tubes) -> None:
    tubes.content["annotations"][1]["segmentations"][1]["size"] = [3, 3]


def _as_it_was(tubes: Tubes) -> None:
    """Nothing is wrong with the data."""


@pytest.mark.parametrize(
    ("spoil", "options", "sentence"),
    [
        (_fewer_classes, ["--format=ytvis"], "demo knows 20 classes, the data set has 19"),
        (_other_classes, ["--format=ytvis"], "class 'cat' stands where demo has 'person'"),
        (_missing_frame, ["--format=ytvis"], "video 4 lacks its file"),
        (_cut_frame, ["--format=ytvis"], "2.png cannot be read as a picture"),
        (_broken_mask, ["--format=ytvis"], "video 9, annotation 2, frame 1: a segmentation"),
        (
            _as_it_was,
            ["--format=vipseg"],
            "has videos without images, so it is not of",
        ),
        (_as_it_was, ["--format=ytvis", "--sweep"], "--sweep has no part in a benchmark"),
        (_as_it_was, ["--format=ytvis", "--min-score=0.1"], "--min-score has no part"),
        (_as_it_was, ["--format=ytvis", "--data=nix"], "there is no file or folder nix"),
        (_as_it_was, ["--objects=either"], "say its --format"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, spoil: Any, options: list[str], sentence: str
) -> None:
    tubes = demo_set(tmp_path)
    spoil(tubes)
    before = {*tmp_path.iterdir(), tubes.file}
    result = _run(tubes, *options)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert sentence in result.output
    assert {*tmp_path.iterdir()} == before


def test_vipseg_needs_a_panoptic_model(street: VipsegReader) -> None:
    data = f"--data={street.truth.entries.path}"
    result = CliRunner().invoke(evaluate, [*RANDOM, data, "--format=vipseg"])
    assert result.exit_code == 1
    assert "demo segments instances; VIPSeg needs a panoptic model" in result.output
