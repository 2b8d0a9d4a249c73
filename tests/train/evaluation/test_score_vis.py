"""`maskstream score vis|ovis`: the official numbers, or one clear sentence."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maskstream_train.commands import score

SIZE = (6, 8)


def test_the_printed_json_has_the_official_keys_and_values(
    vis_case: tuple[Path, str],
) -> None:
    folder, form = vis_case
    expected = json.loads((folder / "expected.json").read_text())[form]
    result = _score(form.removeprefix("yt"), folder / "gt.json", folder / "results.json", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == set(expected) == {"overall", "per_class"}
    assert found["overall"] == pytest.approx(expected["overall"], rel=0, abs=1e-6)
    assert set(found["per_class"]) == set(expected["per_class"])
    for key, values in expected["per_class"].items():
        assert found["per_class"][key] == pytest.approx(values, rel=0, abs=1e-6)


def _score(form: str, truth: Path, results: Path, *options: str) -> Result:
    return CliRunner().invoke(score, [form, f"--gt={truth}", f"--results={results}", *options])


def _box(top: int, rows: int) -> dict[str, Any]:
    """RLE of full-width rows; runs go down the columns."""
    height, width = SIZE
    counts = [top] + [rows, height - rows] * width
    counts[-1] = height - rows - top
    return {"size": list(SIZE), "counts": counts}


def _truth() -> dict[str, Any]:
    video = {"id": 3, "height": SIZE[0], "width": SIZE[1], "file_names": ["a.jpg", "b.jpg"]}
    thing = {
        **{"id": 1, "video_id": 3, "category_id": 5, "iscrowd": 0, "areas": [16, 16]},
        **{"segmentations": [_box(0, 2)] * 2, "occlusion": ["no_occlusion", "severe_occlusion"]},
    }
    categories = [{"id": 5, "name": "cat"}, {"id": 9, "name": "dog"}]
    return {"videos": [video], "categories": categories, "annotations": [thing]}


def _results() -> list[dict[str, Any]]:
    entry = {"video_id": 3, "category_id": 5, "score": 0.5, "segmentations": [_box(0, 2)] * 2}
    return [entry, copy.deepcopy(entry) | {"score": 0.4}]


def _files(folder: Path, truth: Any, results: Any) -> tuple[Path, Path]:
    paths = folder / "gt.json", folder / "results.json"
    for path, content in zip(paths, (truth, results), strict=True):
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return paths


def test_a_table_is_for_people_in_percent(tmp_path: Path) -> None:
    result = _score("ovis", *_files(tmp_path, _truth(), _results()))
    assert result.exit_code == 0, result.output
    assert "AP_occ_heavy" in result.stdout
    assert "100.00" in result.stdout
    assert "cat" in result.stdout


def _comings_and_goings() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A cat that stays, one that comes, one that goes; only the stayer and the comer are found."""
    truth, empty = _truth(), {"size": list(SIZE), "counts": [48]}
    stays, comes, goes = ([_box(0, 2)] * 2, [empty, _box(2, 2)], [_box(4, 2), None])
    truth["annotations"] = [
        truth["annotations"][0] | {"id": index, "segmentations": tubes}
        for index, tubes in enumerate((stays, comes, goes))
    ]
    entry = _results()[0]
    scores = {0.9: stays, 0.8: stays, 0.7: comes}
    results = [entry | {"score": score, "segmentations": scores[score]} for score in scores]
    return truth, results


@pytest.mark.parametrize(
    ("objects", "precision", "recall"),
    [("emerging", 1.0, 1.0), ("disappearing", 0.0, 0.0), ("either", 51 / 101, 0.5)],
)
@pytest.mark.parametrize("form", ["vis", "ovis"])
def test_objects_that_are_not_measured_are_neither_right_nor_wrong(
    tmp_path: Path, form: str, objects: str, precision: float, recall: float
) -> None:
    paths = _files(tmp_path, *_comings_and_goings())
    result = _score(form, *paths, f"--objects={objects}", "--json")
    overall = json.loads(result.stdout)["overall"]
    assert (overall["AP"], overall["AR10"]) == pytest.approx((precision, recall))


def test_the_table_says_which_objects_are_measured(tmp_path: Path) -> None:
    result = _score("vis", *_files(tmp_path, *_comings_and_goings()), "--objects=emerging")
    assert "objects that emerge only" in " ".join(result.stdout.split())


def test_all_objects_are_measured_by_default(test_data: Path) -> None:
    folder = test_data / "metrics" / "ytvis_ap_2"
    paths = folder / "gt.json", folder / "results.json"
    plain, every = (_score("vis", *paths, "--json", *more) for more in ((), ("--objects=all",)))
    assert plain.stdout == every.stdout


def test_the_truth_itself_finds_all_that_emerges_or_disappears(test_data: Path) -> None:
    folder = test_data / "metrics" / "ytvis_ap_0_perfect"
    for objects in ("emerging", "disappearing", "either"):
        paths = folder / "gt.json", folder / "results.json"
        found = json.loads(_score("vis", *paths, f"--objects={objects}", "--json").stdout)
        assert found["overall"]["AP"] == pytest.approx(1)


def test_videos_beyond_another_set_are_scored_alone(tmp_path: Path) -> None:
    truth, results = _truth(), _results()
    frames = [f"long/{index}.jpg" for index in range(2)]
    truth["videos"].append(truth["videos"][0] | {"id": 4, "file_names": frames})
    truth["annotations"].append(truth["annotations"][0] | {"id": 2, "video_id": 4})
    known = tmp_path / "known.json"
    truth["videos"][0]["file_names"] = [f"short/{index}.jpg" for index in range(2)]
    known.write_text(json.dumps(truth | {"videos": truth["videos"][:1], "annotations": None}))
    paths = _files(tmp_path, truth, results)
    overall = [
        json.loads(_score("vis", *paths, "--json", *more).stdout)["overall"]["AR1"]
        for more in ((), (f"--beyond={known}",))
    ]
    assert overall == [0.5, 0]


def test_no_results_at_all_score_zero(tmp_path: Path) -> None:
    result = _score("vis", *_files(tmp_path, _truth(), []), "--json")
    found = json.loads(result.stdout)
    assert found["overall"]["AP"] == 0
    assert found["per_class"]["9"]["AP"] == -1


def test_a_shorter_tube_is_scored_on_its_own_frames_and_reported(tmp_path: Path) -> None:
    results = _results()[:1]
    results[0]["segmentations"] = [_box(0, 2)]
    paths = _files(tmp_path, _truth(), results)
    found = _score("vis", *paths, "--json")
    assert json.loads(found.stdout)["overall"]["AP"] == pytest.approx(1)
    assert "result 0 has 1 segmentations, video 3 has 2 frames" in found.stderr
    refused = _score("ovis", *paths)
    assert refused.exit_code == 1
    assert "result 0 has 1 segmentations" in refused.output


def test_a_longer_tube_counts_only_as_far_as_its_video(tmp_path: Path) -> None:
    results = _results()[:1]
    results[0]["segmentations"].append(_box(0, 6))
    found = _score("vis", *_files(tmp_path, _truth(), results), "--json")
    assert json.loads(found.stdout)["overall"]["AP"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"video_id": 4}, r"result 1 names video 4, which"),
        ({"category_id": 6}, r"result 1 names category 6, which"),
        ({"score": float("nan")}, r"result 1 is not as it should be"),
        ({"score": None}, r"result 1 is not as it should be"),
        ({"video_id": float("inf")}, r"result 1 is not as it should be"),
        ({"segmentations": [None, {"size": [8, 6], "counts": [48]}]}, "result 1, frame 1: a seg"),
        ({"segmentations": [{"size": list(SIZE), "counts": [47]}, None]}, "result 1, frame 0: a"),
        ({"segmentations": [["x"], None]}, "result 1, frame 0: a segmentation cannot be decoded"),
        ({"segmentations": [7, None]}, "result 1, frame 0: a segmentation cannot be decoded"),
    ],
)
def test_a_wrong_result_is_named_with_its_file(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    results = _results()
    results[1] |= change
    _refused(_score("vis", *_files(tmp_path, _truth(), results)), f"results.json: {sentence}")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"category_id": 6}, "video 3, annotation 1 has category 6"),
        (
            {"segmentations": [{"size": [8, 6], "counts": [48]}, None]},
            "video 3, annotation 1, frame 0: a",
        ),
        ({"areas": ["wide", 3]}, "video 3, annotation 1 is not as it should be"),
        ({"occlusion": ["much", None]}, "video 3, annotation 1 is not as it should be"),
        ({"occlusion": None}, "video 3, annotation 1 does not tell its occlusion"),
    ],
)
def test_a_wrong_annotation_is_named_with_its_file(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    truth = _truth()
    truth["annotations"][0] |= change
    _refused(_score("ovis", *_files(tmp_path, truth, _results())), f"gt.json: {sentence}")


@pytest.mark.parametrize("name", ["gt.json", "results.json"])
@pytest.mark.parametrize("text", [None, "{", "[" * 100_000, "7", "[7]"])
def test_a_file_that_is_missing_or_broken_is_named(
    tmp_path: Path, name: str, text: str | None
) -> None:
    paths = _files(tmp_path, _truth(), _results())
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    _refused(_score("vis", *paths), name)


def test_a_file_without_annotations_is_no_truth(tmp_path: Path) -> None:
    truth = _truth() | {"annotations": None}
    _refused(_score("vis", *_files(tmp_path, truth, _results())), "has no annotations to score")


def _refused(result: Result, sentence: str) -> None:
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_scoring_does_without_torch(tmp_path: Path) -> None:
    paths = [str(path) for path in _files(tmp_path, _truth(), _results())]
    code = (
        "import sys; from maskstream_train.commands import score\n"
        "score(['vis', '--gt', sys.argv[1], '--results', sys.argv[2]], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, *paths], check=False).returncode == 0
