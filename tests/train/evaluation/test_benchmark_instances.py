"""Benchmarks of instances: results as files, and the numbers of scoring them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskstream_model.daq.online import OnlineDaq
from maskstream_model.errors import ConfigError, DatasetError
from maskstream_model.video import segment_video
from maskstream_train.data.readers import open_reader
from maskstream_train.data.rle import decode_masks
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.benchmark import Plan, run_instances
from maskstream_train.evaluation.results import read_results
from maskstream_train.evaluation.vis_score import score_vis
from maskstream_train.evaluation.whole import whole_file
from support.clip_results import video_result
from support.datasets import Tubes
from support.tiny import SIZE, tiny_frames, tiny_model, tiny_offline_model
from support.tiny_sets import IDS, silent, tiny_set


def _tiny() -> OnlineDaq:
    return tiny_model(emergence_score_min=0.6)


def _open(tubes: Tubes) -> InstanceReader:
    tubes.write()
    reader = open_reader(tubes.folder, "ytvis")
    assert isinstance(reader, InstanceReader)
    return reader


def test_results_are_the_models_own_clip_results_with_ids_of_the_data_set(tmp_path: Path) -> None:
    reader, model = _open(tiny_set(tmp_path)), tiny_model(emergence_score_min=0.6)
    run_instances(model, reader, Plan(IDS, tmp_path / "results.json"), silent)
    found = read_results(tmp_path / "results.json")
    for number, length in ((4, 7), (9, 3)):
        outputs, state = [], model.begin()
        for frame in tiny_frames(length, number):
            output, state = model.track_frame(frame, state)
            outputs.append(output)
        expected = video_result(outputs, SIZE)
        own = [each for each in found if each.video_id == number]
        assert len(own) == len(expected.scores) > 0
        assert [each.score for each in own] == pytest.approx(expected.scores.tolist(), abs=1e-6)
        assert [each.category for each in own] == [IDS[label] for label in expected.labels]
        for each, masks in zip(own, expected.masks, strict=True):
            assert None not in each.segmentations
            assert np.array_equal(decode_masks(each.segmentations, *SIZE), masks.numpy())


def test_results_of_an_offline_model_are_its_refined_tracks(tmp_path: Path) -> None:
    reader, model = _open(tiny_set(tmp_path)), tiny_offline_model()
    done: list[int] = []
    plan = Plan(IDS, tmp_path / "results.json")
    run_instances(model, reader, plan, done.append)
    found = read_results(tmp_path / "results.json")
    assert sum(done) == 10
    for number, length in ((4, 7), (9, 3)):
        results = list(segment_video(model, tiny_frames(length, number)))
        votes, tubes = {}, {}
        for time, result in enumerate(results):
            masks = result.masks.crops(np.arange(len(result.tracks.track_ids)), SIZE).whole()
            for row, track in enumerate(result.tracks.track_ids.tolist()):
                votes[track] = result.tracks.class_scores[row]
                tubes.setdefault(track, np.zeros((length, *SIZE), bool))[time] = masks[row]
        best = sorted(
            (
                (float(score), track, label)
                for track in votes
                for label, score in enumerate(votes[track])
            ),
            reverse=True,
        )[:20]
        own = [each for each in found if each.video_id == number]
        assert [each.score for each in own] == pytest.approx([score for score, _, _ in best]) != []
        for each, (_, track, label) in zip(own, best, strict=True):
            assert each.category == IDS[label]
            assert None not in each.segmentations
            assert np.array_equal(decode_masks(each.segmentations, *SIZE), tubes[track])


@pytest.mark.parametrize("objects", ["all", "either"])
def test_the_numbers_are_those_of_scoring_the_file(tmp_path: Path, objects: Any) -> None:
    tubes, out = tiny_set(tmp_path), tmp_path / "results.json"
    done: list[int] = []
    plan = Plan(IDS, out, objects)
    score = run_instances(_tiny(), _open(tubes), plan, done.append)
    assert score is not None
    assert score.as_json() == score_vis(tubes.file, out, objects=objects).as_json()
    assert score.summary.overall["AR10"] >= 0
    assert sum(done) == 10


def test_a_set_for_submission_is_run_and_not_measured(tmp_path: Path) -> None:
    tubes = tiny_set(tmp_path)
    tubes.content["annotations"] = None
    out = tmp_path / "results.json"
    assert run_instances(_tiny(), _open(tubes), Plan(IDS, out, ovis=True), silent) is None
    assert len(read_results(out)) > 0


def test_a_frame_that_cannot_be_read_leaves_the_old_results_as_they_were(tmp_path: Path) -> None:
    tubes = tiny_set(tmp_path)
    picture = tubes.pictures / "9" / "2.png"
    picture.write_bytes(picture.read_bytes()[:-60])
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "results.json"
    out.write_text("old")
    with pytest.raises(DatasetError, match=r"2\.png cannot be read"):
        run_instances(_tiny(), _open(tubes), Plan(IDS, out), silent)
    assert [path.name for path in out.parent.iterdir()] == ["results.json"]
    assert out.read_text() == "old"


def test_a_place_that_cannot_be_written_is_reported_before_the_work(tmp_path: Path) -> None:
    for path, sentence in ((tmp_path, "is a folder"), (tmp_path / "a" / "b", "cannot be written")):
        with pytest.raises(ConfigError, match=sentence), whole_file(path):
            raise AssertionError("no work should be done")
