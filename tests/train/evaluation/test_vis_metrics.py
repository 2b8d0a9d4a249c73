"""Average precision: the official evaluators' values, and cases small enough to do by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskstream_train.data.annotations import read_annotations
from maskstream_train.evaluation.matching import DISAPPEARS, EMERGES, TubeOverlaps, match
from maskstream_train.evaluation.results import read_results, score_results
from maskstream_train.evaluation.vis_metrics import (
    EVENT_STRATA,
    OVIS_STRATA,
    YTVIS_STRATA,
    VisMetric,
    VisSummary,
)


def test_the_official_evaluators_values_are_met(vis_case: tuple[Path, str]) -> None:
    folder, form = vis_case
    expected = json.loads((folder / "expected.json").read_text())[form]
    summary = score_results(
        read_annotations(folder / "gt.json"),
        read_results(folder / "results.json"),
        OVIS_STRATA if form == "ovis" else YTVIS_STRATA,
    )
    assert dict(summary.overall) == pytest.approx(expected["overall"], abs=1e-6)
    for label, values in expected["per_class"].items():
        found = summary.per_class[int(label)]
        assert {name: found[name] for name in values} == pytest.approx(values, abs=1e-6)


def _video(ious, scores, labels=None, truth_labels=None, crowd=None) -> TubeOverlaps:
    overlap = np.array(ious, dtype=np.float64)
    num_truth = overlap.shape[1]
    return TubeOverlaps(
        ious=overlap,
        scores=np.array(scores, dtype=np.float64),
        labels=np.array(labels or [0] * len(scores), dtype=np.int64),
        areas=np.full(len(scores), 100.0),
        truth_labels=np.array(truth_labels or [0] * num_truth, dtype=np.int64),
        truth_areas=np.full(num_truth, 100.0),
        crowd=np.array(crowd or [False] * num_truth, dtype=bool),
    )


def _score(*videos: TubeOverlaps, classes=(0,)) -> VisSummary:
    metric = VisMetric(classes)
    for video in videos:
        metric.add(video)
    return metric.summary()


def test_a_perfect_prediction_scores_one() -> None:
    summary = _score(_video([[1, 0], [0, 1]], [0.9, 0.8]))
    assert summary.overall["AP"] == pytest.approx(1.0)
    assert summary.overall["AR10"] == 1.0
    assert summary.overall["AR1"] == 0.5
    assert summary.overall["APl"] == -1


def test_a_false_alarm_that_outranks_the_hit_halves_precision() -> None:
    assert _score(_video([[0.0], [1.0]], [0.9, 0.8])).overall["AP"] == pytest.approx(0.5)


def test_a_false_alarm_below_the_last_hit_costs_nothing() -> None:
    assert _score(_video([[1.0], [0.0]], [0.9, 0.8])).overall["AP"] == pytest.approx(1.0)


def test_a_false_alarm_in_another_video_counts() -> None:
    empty = _video(np.zeros((1, 0)), [0.95])
    assert _score(_video([[1.0]], [0.9]), empty).overall["AP"] == pytest.approx(0.5)


def test_an_overlap_of_three_quarters_is_right_up_to_that_threshold() -> None:
    summary = _score(_video([[0.75]], [0.9])).overall
    assert (summary["AP50"], summary["AP75"]) == pytest.approx((1.0, 1.0))
    assert summary["AP"] == pytest.approx(0.6)


def test_the_wrong_class_is_a_miss_unless_classes_are_ignored() -> None:
    video = _video([[1.0]], [0.9], labels=[1], truth_labels=[2])
    assert _score(video, classes=(1, 2)).overall["AP"] == 0
    assert _score(video.agnostic()).overall["AP"] == pytest.approx(1.0)


def test_a_second_detection_of_one_object_is_wrong_but_of_a_crowd_ignored() -> None:
    matched, ignored = match(np.ones((2, 1)), np.array([False]), np.array([False]))
    assert matched[0].tolist() == [True, False]
    assert not ignored.any()
    matched, ignored = match(np.ones((2, 1)), np.array([True]), np.array([True]))
    assert matched[0].tolist() == ignored[0].tolist() == [True, True]


def test_no_detections_at_all_score_zero() -> None:
    assert _score(_video(np.zeros((0, 2)), [])).overall["AP"] == 0


def test_nothing_to_find_is_undefined() -> None:
    assert _score(_video(np.zeros((1, 0)), [0.5])).overall["AP"] == -1


def test_objects_that_come_or_go_have_precision_of_their_own() -> None:
    metric = VisMetric([0], EVENT_STRATA)
    stays, comes, goes = 0, EMERGES, DISAPPEARS
    video = _video([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [0.9, 0.8])
    metric.add(replace(video, events=np.array([stays, comes, goes])))
    overall = metric.summary().overall
    assert overall["AP_emerging"] == 0.0
    assert overall["AP_disappearing"] == pytest.approx(1.0)
    assert overall["AP_either"] == pytest.approx(0.5, abs=0.01)
