"""`maskstream score panoptic`: the official numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.panoptic_clip import CAR, ROAD, PanopticClip, score_panoptic


@pytest.fixture
def clip(tmp_path: Path) -> PanopticClip:
    return PanopticClip(tmp_path)


@pytest.mark.parametrize("case", ["vps_1", "vps_2"])
def test_the_printed_json_has_the_official_keys_and_values(test_data: Path, case: str) -> None:
    folder = test_data / "metrics" / case
    expected = json.loads((folder / "expected.json").read_text())
    result = score_panoptic(
        folder / "panoptic_gt.json",
        folder / "gt",
        folder / "pred" / "pred.json",
        folder / "pred" / "pan_pred",
        "--json",
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == {"vpq", "stq_vipseg_script", "stq_deeplab2_clean_ids"}
    for key, part in found.items():
        _same(part, expected[key])


def _same(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for key, value in expected.items():
            _same(found[key], value)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            _same(one, other)
    else:
        assert found == (expected if isinstance(expected, str) else _near(expected))


def _near(value: float) -> Any:
    return pytest.approx(value, rel=0, abs=1e-6)


def test_the_truth_itself_is_perfect_and_windows_longer_than_the_video_undefined(
    clip: PanopticClip,
) -> None:
    found = clip.numbers()
    assert found["vpq"]["per_window"]["2"]["VPQ"] == pytest.approx(100)
    assert found["vpq"]["per_window"]["4"]["VPQ"] == -1
    assert found["vpq"]["mean_1_2_4_6"]["VPQ"] == -1
    assert found["stq_vipseg_script"]["STQ"] == found["stq_deeplab2_clean_ids"]["STQ"] == 1


def test_a_table_is_for_people(clip: PanopticClip) -> None:
    result = clip.score()
    assert result.exit_code == 0, result.output
    for word in ("road", "100.00", "VIPSeg script", "mean of 1, 2, 4, 6"):
        assert word in result.stdout


def test_a_car_that_changes_its_id_is_lost_in_windows_of_two_but_not_of_one(
    clip: PanopticClip,
) -> None:
    clip.draw("pred", 1, np.where(clip.ids == CAR, 9, ROAD))
    clip.segments("pred", 1)[1]["id"] = 9
    found = clip.numbers()
    cars = [found["vpq"]["per_window"][k]["per_class"]["7"] for k in ("1", "2")]
    assert (cars[0]["tp"], cars[0]["fp"], cars[0]["fn"]) == (2, 0, 0)
    assert (cars[1]["tp"], cars[1]["fp"], cars[1]["fn"]) == (0, 2, 1)
    # each half of the tube covers half of it: 6 * 6 / 12 twice, of 12 pixels
    assert found["stq_deeplab2_clean_ids"]["AQ"] == pytest.approx(0.5)
    assert found["stq_deeplab2_clean_ids"]["SQ"] == 1


def test_a_thing_that_is_listed_first_is_left_out_by_the_script_only(clip: PanopticClip) -> None:
    clip.segments("gt", 0).reverse()
    found = clip.numbers()
    assert found["stq_vipseg_script"]["AQ"] == 0
    assert found["stq_deeplab2_clean_ids"]["AQ"] == 1


def test_a_crowd_is_neither_missed_nor_a_false_alarm(clip: PanopticClip) -> None:
    for frame in range(2):
        clip.segments("gt", frame)[1]["iscrowd"] = 1
    found = clip.numbers()
    car = found["vpq"]["per_window"]["1"]["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (0, 0, 0)
    assert found["vpq"]["per_window"]["1"]["n_things"] == 0
    assert found["vpq"]["per_window"]["1"]["VPQ_things"] == -1
    assert found["stq_deeplab2_clean_ids"]["AQ"] == 0


def test_half_of_an_object_is_no_match(clip: PanopticClip) -> None:
    half = clip.ids.copy()
    half[2, 2:5] = ROAD
    for frame in range(2):
        clip.draw("pred", frame, half)
    car = clip.numbers()["vpq"]["per_window"]["1"]["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (0, 2, 2)


def test_pixels_left_without_a_label_are_one_more_class_that_is_wrong(clip: PanopticClip) -> None:
    for frame in range(2):
        clip.draw("pred", frame, np.where(clip.ids == CAR, CAR, 0))
        clip.segments("pred", frame).pop(0)
    found = clip.numbers()
    assert found["stq_vipseg_script"]["SQ"] == pytest.approx(1 / 3)


def _objects(clip: PanopticClip, objects: str) -> dict[str, Any]:
    result = clip.score(f"--objects={objects}", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _let_a_car_come(clip: PanopticClip, sides: tuple[str, ...]) -> None:
    """A second car, on the last frame alone."""
    for side in sides:
        ids = clip.ids.copy()
        ids[3, :2] = CAR + 1
        clip.draw(side, 1, ids)
        comer = {"id": CAR + 1, "category_id": 7, "iscrowd": 0, "area": 2}
        clip.segments(side, 1).append(comer)


def test_things_that_emerge_are_measured_alone(clip: PanopticClip) -> None:
    _let_a_car_come(clip, ("gt", "pred"))
    clip.segments("gt", 1)[0]["area"] = 16
    found = _objects(clip, "emerging")
    assert set(found) == {"vpq"}
    part = found["vpq"]["per_window"]["2"]
    car = part["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (1, 0, 0)
    assert (part["VPQ"], part["VPQ_things"], part["VPQ_stuff"]) == (100, 100, -1)
    assert _objects(clip, "disappearing")["vpq"]["per_window"]["2"]["VPQ"] == -1
    assert _objects(clip, "either") == found


def test_a_missed_comer_is_missed_and_what_finds_the_others_no_false_alarm(
    clip: PanopticClip,
) -> None:
    _let_a_car_come(clip, ("gt",))
    half = clip.ids.copy()
    half[1:3, 2] = CAR + 5
    clip.draw("pred", 0, half)
    clip.segments("pred", 0).append({"id": CAR + 5, "category_id": 7})
    car = _objects(clip, "emerging")["vpq"]["per_window"]["1"]["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (0, 0, 1)


def test_a_car_seen_on_the_road_is_a_false_alarm_whatever_is_measured(clip: PanopticClip) -> None:
    _let_a_car_come(clip, ("pred",))
    found = _objects(clip, "either")["vpq"]["per_window"]["1"]
    assert found["per_class"]["7"]["fp"] == 1
    # with nothing to be found, its class has no part in the mean
    assert (found["VPQ"], found["n_classes"]) == (-1, 0)


def test_the_truth_itself_finds_all_that_emerges_or_disappears(test_data: Path) -> None:
    folder = test_data / "metrics" / "vps_1"
    truth = (folder / "panoptic_gt.json", folder / "gt")
    result = score_panoptic(*truth, *truth, "--objects=either", "--json")
    found = json.loads(result.stdout)["vpq"]
    assert found["mean_1_2_4_6"]["VPQ"] == pytest.approx(100)
    assert found["per_window"]["1"]["n_stuff"] == 0 < found["per_window"]["1"]["n_things"]
