"""Thresholds to try: the grid, and the choice of a baseline at equal recall."""

import pytest

from maskstream_model.errors import ConfigError
from maskstream_train.evaluation.identity import IdentityCounts
from maskstream_train.evaluation.report import ClipReport
from maskstream_train.evaluation.sweep import (
    BASELINE_SWEEP,
    SWEEP,
    at_equal_recall,
    parse_rules,
    sweep_points,
)
from maskstream_train.evaluation.vis_metrics import VisSummary


def _report(matched: int, tracked: int, switches: int = 0) -> ClipReport:
    counts = IdentityCounts(
        object_frames=100, matched_frames=matched, track_frames=tracked, switches=switches
    )
    return ClipReport(1, 10, VisSummary({}, {}), VisSummary({}, {}), counts)


def test_rules_are_numbers_or_none() -> None:
    rules = parse_rules(["tracked_score_min=0.2, 0.3", "keep_score_min=none", "min_size=128"])
    assert rules == {
        "tracked_score_min": (0.2, 0.3),
        "keep_score_min": (None,),
        "min_size": (128,),
    }
    assert isinstance(rules["min_size"][0], int)


@pytest.mark.parametrize("text", ["tracked_score_min", "=0.3", "tracked_score_min=", "x=high"])
def test_rules_of_another_form_are_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigError, match="is not"):
        parse_rules([text])


def test_a_grid_has_every_combination_and_first_births_follow_later_ones() -> None:
    points = sweep_points(["emergence_score_min=0.4,0.6", "tracked_score_min=0.1,0.2,0.3"])
    assert len(points) == 6
    assert points["emergence 0.4 tracked 0.1"] == {
        "emergence_score_min": 0.4,
        "tracked_score_min": 0.1,
        "first_frame_score_min": 0.4,
    }


def test_a_first_threshold_that_is_given_stays() -> None:
    (point,) = sweep_points(["emergence_score_min=0.4", "first_frame_score_min=0.9"]).values()
    assert point["first_frame_score_min"] == 0.9


def test_later_values_of_a_rule_replace_the_default_ones() -> None:
    points = sweep_points([*SWEEP, "tracked_score_min=0.25"])
    assert {point["tracked_score_min"] for point in points.values()} == {0.25}
    assert len(sweep_points(BASELINE_SWEEP)) == 30


def test_the_baseline_is_taken_at_its_best_points_of_at_least_equal_recall() -> None:
    points = {
        "low": _report(50, 50),
        "precise": _report(80, 160, switches=9),
        "steady": _report(85, 180, switches=3),
        "wild": _report(90, 400, switches=3),
    }
    chosen = at_equal_recall(_report(80, 100), points)
    assert chosen == {"most precise": "precise", "steadiest": "steady"}


def test_a_baseline_that_never_recalls_as_much_is_taken_at_its_best_recall() -> None:
    points = {"low": _report(50, 50), "better": _report(60, 160)}
    assert at_equal_recall(_report(80, 100), points) == {"highest recall": "better"}
