"""`maskstream score ref-ytvos|ref-davis`, and what the official evaluators say by hand."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from maskstream_train.commands.score import score
from maskstream_train.data.referring import VOID, open_referring
from maskstream_train.evaluation.referring.folders import (
    object_pictures,
    sentence_pictures,
    write_ids,
)
from maskstream_train.evaluation.referring.measures import (
    Shape,
    contour_accuracy,
    region_similarity,
)
from maskstream_train.evaluation.referring.score import score_referring
from support.datasets import box
from support.sentences import SIZE, Sentences


@pytest.fixture
def truth(tmp_path):
    return Sentences(tmp_path / "data")


def write_perfect(truth, results):
    for video in open_referring(truth.write()):
        ids = truth.ids[video.info.name]
        for each in video.expressions:
            for path, frame in zip(sentence_pictures(results, video, each), ids, strict=True):
                write_ids(path, (frame == each.object_id) * np.uint8(255))
        for annotator in range(2):
            for path, frame in zip(object_pictures(results, video, annotator), ids, strict=True):
                write_ids(path, frame.astype(np.uint8))


def pair(found, true):
    one, other = Shape.of(found), Shape.of(true)
    return np.array([region_similarity(one, other), contour_accuracy(one, other)])


@pytest.mark.parametrize("form", ["ref-ytvos", "ref-davis"])
def test_the_truth_itself_is_perfect(tmp_path, truth, form):
    write_perfect(truth, tmp_path / "results")
    found = score_referring(truth.split, tmp_path / "results", form)
    assert found.overall == {"J&F": 1.0, "J": 1.0, "F": 1.0}
    assert {name: len(rows) for name, rows in found.videos.items()} == {"cars": 4, "bus": 2}


def test_a_sentence_counts_as_much_as_any_other_however_long_its_video_is(tmp_path, truth):
    results = tmp_path / "results"
    write_perfect(truth, results)
    wrong = box(4, 4, 30, 22, SIZE)
    write_ids(results / "Annotations" / "bus" / "1" / "00000.png", wrong * np.uint8(1))
    found = score_referring(truth.split, results, "ref-ytvos")
    expected = (5 + pair(wrong, truth.ids["bus"][0] == 1)) / 6
    assert [found.overall["J"], found.overall["F"]] == pytest.approx(expected.tolist())
    assert found.overall["J&F"] == pytest.approx(expected.mean())


def test_an_object_that_is_gone_and_not_found_is_right(tmp_path, truth):
    results = tmp_path / "results"
    write_perfect(truth, results)
    # The car left on the third frame; the first sentence finds it there all the same.
    write_ids(
        results / "Annotations" / "cars" / "0" / "00010.png",
        box(2, 2, 20, 20, SIZE) * np.uint8(255),
    )
    found = score_referring(truth.split, results, "ref-ytvos")
    assert found.videos["cars"][0].tolist() == pytest.approx([2 / 3, 2 / 3])


def test_annotators_results_are_matched_with_objects(tmp_path, truth):
    """Objects without names: that the ids are swapped costs nothing, as in DAVIS' evaluator."""
    results = tmp_path / "results"
    write_perfect(truth, results)
    for frame, ids in zip(("00000", "00005", "00010"), truth.ids["cars"], strict=True):
        path = results / "anno_1" / "cars" / f"{frame}.png"
        write_ids(path, np.array([0, 2, 1], np.uint8)[ids])
    assert score_referring(truth.split, results, "ref-davis").overall["J&F"] == 1.0


def test_an_object_that_an_annotator_lacks_is_0_where_it_is_seen(tmp_path, truth):
    results = tmp_path / "results"
    write_perfect(truth, results)
    for frame, ids in zip(("00000", "00005", "00010"), truth.ids["cars"], strict=True):
        write_ids(results / "anno_0" / "cars" / f"{frame}.png", np.uint8(1) * (ids == 1))
    found = score_referring(truth.split, results, "ref-davis")
    assert found.videos["cars"].tolist() == [[1, 1], [0, 0], [1, 1], [1, 1]]


def test_pixels_of_no_clear_object_are_left_out(tmp_path, truth):
    void = box(0, 25, 36, 48, SIZE) & (truth.ids["bus"][0] == 0)
    truth.ids["bus"][0] = truth.ids["bus"][0] + VOID * void
    results = tmp_path / "results"
    write_perfect(truth, results)
    for annotator in range(2):
        path = results / f"anno_{annotator}" / "bus" / "00000.png"
        write_ids(path, np.uint8(1) * ((truth.ids["bus"][0] == 1) | void))
    assert score_referring(truth.split, results, "ref-davis").overall["J&F"] == 1.0


def run(form, truth, results, *options):
    return CliRunner().invoke(score, [form, f"--gt={truth}", f"--results={results}", *options])


@pytest.mark.parametrize("form", ["ref-ytvos", "ref-davis"])
def test_the_command_prints_tables_and_json(tmp_path, truth, form):
    results = tmp_path / "results"
    write_perfect(truth, results)
    printed = run(form, truth.file, results)
    assert printed.exit_code == 0, printed.output
    assert "J&F" in printed.stdout
    assert "100.00" in printed.stdout
    printed = json.loads(run(form, truth.split, results, "--json").stdout)
    assert printed["overall"]["J&F"] == 1.0
    assert set(printed["per_video"]) == {"cars", "bus"}


def no_truth(truth):
    truth.content["videos"]["bus"]["expressions"]["1"].pop("obj_id")


def other_counts(truth):
    truth.content["videos"]["cars"]["expressions"].pop("3")


def no_object(truth):
    truth.ids["bus"][0] = np.zeros(SIZE)


@pytest.mark.parametrize(
    ("spoil", "form", "sentence"),
    [
        (no_truth, "ref-ytvos", "video bus has no truth to score against"),
        (other_counts, "ref-davis", "video cars: Ref-DAVIS17 has as many sentences"),
        (no_object, "ref-davis", "00000.png shows no object"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence(tmp_path, truth, spoil, form, sentence):
    results = tmp_path / "results"
    write_perfect(truth, results)
    spoil(truth)
    printed = run(form, truth.write(), results)
    assert printed.exit_code != 0
    assert sentence in " ".join(printed.output.split())


def test_a_missing_picture_of_the_results_is_named(tmp_path, truth):
    results = tmp_path / "results"
    write_perfect(truth, results)
    (results / "Annotations" / "cars" / "2" / "00005.png").unlink()
    printed = run("ref-ytvos", truth.split, results)
    assert printed.exit_code != 0
    assert "2/00005.png cannot be read" in "".join(printed.output.split("\n"))


def test_too_many_objects_are_refused(tmp_path, truth):
    results = tmp_path / "results"
    write_perfect(truth, results)
    write_ids(results / "anno_0" / "bus" / "00000.png", np.full(SIZE, 21, np.uint8))
    assert "21 objects, over 20" in run("ref-davis", truth.split, results).output
