"""Single pictures: worked out by hand, and through the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from maskstream_model.errors import ConfigError, DatasetError
from maskstream_train.commands import evaluate
from maskstream_train.data.readers import open_instances
from maskstream_train.evaluation.records import TrackFrame
from maskstream_train.evaluation.stills import (
    NOT_MEASURED,
    NOT_NAMED,
    measure_stills,
    measured_names,
    overlaps_of,
    precision_of,
)
from maskstream_train.evaluation.stills_score import Precision
from support.oracle import SIZE, Oracle
from support.rle import encode_mask
from support.tiny import tiny_config

SIDE = 20


def _square(top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def _tracks(masks: list[np.ndarray], class_scores: list[list[float]]) -> TrackFrame:
    count = len(masks)
    scores = np.array(class_scores, dtype=np.float64).reshape(count, -1)
    numbers = np.arange(count)
    return TrackFrame(numbers, numbers * 0, scores.max(1), scores, np.stack(masks))


def test_a_detection_inside_a_crowd_is_neither_right_nor_wrong() -> None:
    crowd = _square(0, 0, 16)
    tracks = _tracks([_square(2, 2, 4), _square(16, 16, 4)], [[0.9], [0.8]])
    found = overlaps_of(tracks, np.array([0]), np.stack([crowd]), np.array([0]), np.array([True]))
    # The first overlaps the crowd with all of its own pixels, though with IoU 16 / 256.
    assert found.ious[:, 0].tolist() == [1.0, 0.0]
    assert precision_of(found.of_class(0), 0.0) == Precision(right=0, wrong=1)


def test_areas_are_shares_and_labels_are_those_that_are_measured() -> None:
    truth = np.stack([_square(0, 0, 10), _square(10, 10, 5)])
    tracks = _tracks([truth[0], truth[1]], [[0.1, 0.7], [0.6, 0.2]])
    found = overlaps_of(
        tracks,
        np.array([NOT_NAMED, 0]),
        truth,
        np.array([0, NOT_MEASURED]),
        np.zeros(2, dtype=bool),
    )
    assert found.truth_areas.tolist() == [0.25, 0.0625]
    assert found.labels.tolist() == [0, NOT_NAMED]
    assert found.scores.tolist() == [0.7, 0.6]
    assert np.diag(found.ious).tolist() == [1.0, 1.0]


def test_only_shown_tracks_count_for_precision_and_each_object_once() -> None:
    truth = np.stack([_square(0, 0, 10)])
    masks = [truth[0], truth[0], _square(12, 12, 6)]
    tracks = _tracks(masks, [[0.9], [0.8], [0.3]])
    found = overlaps_of(tracks, np.array([0]), truth, np.array([0]), np.array([False]))
    counted = precision_of(found.of_class(0), 0.5)
    assert (counted.right, counted.wrong) == (1, 1)
    assert counted.ratio == 0.5


def test_names_default_to_those_that_both_know() -> None:
    assert measured_names((), ["cat", "dog", "cup"], ["dog", "cat"]) == ["cat", "dog"]
    with pytest.raises(DatasetError, match="no category 'cow'"):
        measured_names(["cow"], ["cat"], ["cat"])
    with pytest.raises(ConfigError, match="give --names"):
        measured_names((), ["cup"], ["cat"])


def _pictures(folder: Path) -> Path:
    """Write two pictures for `Oracle`, which calls both objects "class 0"; the second is a cup."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[4:20, 4:20] = True
    (folder / "images").mkdir()
    for number in (1, 2):
        pixels = np.repeat(mask[..., None].astype(np.uint8), 3, axis=2)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    height, width = SIZE
    content = {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": width, "height": height}
            for number in (1, 2)
        ],
        "categories": [{"id": 5, "name": "class 0"}, {"id": 47, "name": "cup"}],
        "annotations": [
            {
                "id": number,
                "image_id": number,
                "category_id": category,
                "iscrowd": 0,
                "area": 256,
                "segmentation": encode_mask(mask),
            }
            for number, category in ((1, 5), (2, 47))
        ],
    }
    file = folder / "instances.json"
    file.write_text(json.dumps(content))
    return file


def test_each_picture_is_a_session_of_its_own(tmp_path: Path) -> None:
    reader = open_instances(_pictures(tmp_path), "coco")
    done: list[int] = []
    score = measure_stills(Oracle(tiny_config()), reader, (), {}, done.append)
    assert (list(score.names), score.num_pictures, sum(done)) == (["class 0"], 2, 2)
    assert score.by_class.overall["AP50"] == pytest.approx(1)
    assert (score.shown.right, score.shown.wrong) == (1, 1)
    # With classes aside the cup, which is not measured, is neither right nor wrong.
    assert (score.shown_agnostic.right, score.shown_agnostic.wrong) == (1, 0)
    assert score.large.per_class[0]["AP50"] == pytest.approx(1)


def test_precision_and_recall_are_compared_at_several_thresholds(tmp_path: Path) -> None:
    reader = open_instances(_pictures(tmp_path), "coco")
    score = measure_stills(Oracle(tiny_config()), reader, (), {}, lambda done: None)
    rows = {row["score"]: row for row in score.as_json()["by_score"]}
    top = max(score for score, row in rows.items() if row["precision"] >= 0)
    assert 0.2 in rows
    # The object is found as "class 0", and so is the cup, which is none.
    assert rows[top]["precision"] == 0.5
    assert rows[top]["recall"] == 1.0
    assert rows[top]["precision_agnostic"] == 1.0
    beyond = [row for score, row in rows.items() if score > top]
    assert all((row["precision"], row["recall"]) == (-1.0, 0.0) for row in beyond)


def test_a_category_that_the_model_does_not_know_has_nothing_found(tmp_path: Path) -> None:
    reader = open_instances(_pictures(tmp_path), "coco")
    names = ["class 0", "cup"]
    score = measure_stills(Oracle(tiny_config()), reader, names, {}, lambda done: None)
    assert score.as_json()["per_class"]["cup"] == {"AP": 0, "AP50": 0, "AP50_large": 0}
    assert score.by_class.overall["AP50"] == pytest.approx(0.5)
    assert score.agnostic.overall["AP50"] == pytest.approx(1)


def test_the_command_prints_each_category(tmp_path: Path) -> None:
    file = _pictures(tmp_path)
    run = CliRunner().invoke(
        evaluate, ["--data", str(file), "--format", "coco", "--names", "class 0,cup", "--json"]
    )
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert answer["num_pictures"] == 2
    assert answer["settings"]["names"] == ["class 0", "cup"]
    assert set(answer["per_class"]) == {"class 0", "cup"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--names", "person"], "--names belongs to a benchmark"),
        (["--format", "coco", "--objects", "either"], "--objects has no part in single pictures"),
        (["--format", "ytvis", "--names", "person"], "--names has no part in a benchmark"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], sentence: str) -> None:
    run = CliRunner().invoke(evaluate, options)
    assert run.exit_code != 0
    assert sentence in run.output
