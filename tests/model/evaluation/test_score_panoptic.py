"""`maskstream score panoptic`: the official numbers, or one clear sentence."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from maskstream_model.commands import score

ROAD, CAR = 300, 70_001


@pytest.mark.parametrize("case", ["vps_1", "vps_2"])
def test_the_printed_json_has_the_official_keys_and_values(test_data: Path, case: str) -> None:
    folder = test_data / "metrics" / case
    expected = json.loads((folder / "expected.json").read_text())
    result = _score(
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


def _score(truth: Path, truth_folder: Path, results: Path, folder: Path, *options: str) -> Result:
    places = (
        f"--gt={truth}",
        f"--gt-png={truth_folder}",
        f"--results={results}",
        f"--png={folder}",
    )
    return CliRunner().invoke(score, ["panoptic", *places, *options])


class Clip:
    """Two frames of a road with a car on it, and a prediction equal to them, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids = np.full((4, 6), ROAD)
        self.ids[1:3, 2:5] = CAR
        images = [{"height": 4, "width": 6, "file_name": f"{i}.png"} for i in range(2)]
        self.truth = {
            "videos": [{"video_id": "v", "images": images}],
            "categories": [
                {"id": 40, "name": "road", "isthing": 0},
                {"id": 7, "name": "car", "isthing": 1},
            ],
            "annotations": [{"video_id": "v", "annotations": [_frame(i, "png") for i in range(2)]}],
        }
        self.found = {
            "annotations": [{"video_id": "v", "annotations": [_frame(i, "jpg") for i in range(2)]}]
        }
        for side in ("gt", "pred"):
            (folder / side / "v").mkdir(parents=True)
            for index in range(2):
                self.draw(side, index, self.ids)

    def draw(self, side: str, frame: int, ids: np.ndarray) -> None:
        pixels = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8)
        Image.fromarray(pixels).save(self.picture(side, frame))

    def picture(self, side: str, frame: int) -> Path:
        return self.folder / side / "v" / f"{frame}.png"

    def segments(self, side: str, frame: int) -> list[dict[str, Any]]:
        content = self.truth if side == "gt" else self.found
        return content["annotations"][0]["annotations"][frame]["segments_info"]

    def score(self, *options: str) -> Result:
        for name, content in (("gt.json", self.truth), ("pred.json", self.found)):
            (self.folder / name).write_text(json.dumps(content))
        return self.score_files(*options)

    def score_files(self, *options: str) -> Result:
        places = [self.folder / name for name in ("gt.json", "gt", "pred.json", "pred")]
        return _score(*places, *options)

    def numbers(self) -> dict[str, Any]:
        result = self.score("--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def _frame(index: int, ending: str) -> dict[str, Any]:
    road = {"id": ROAD, "category_id": 40, "iscrowd": 0, "area": 18}
    car = {"id": CAR, "category_id": 7, "iscrowd": 0, "area": 6}
    return {"file_name": f"{index}.{ending}", "segments_info": [road, car]}


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return Clip(tmp_path)


def test_the_truth_itself_is_perfect_and_windows_longer_than_the_video_undefined(
    clip: Clip,
) -> None:
    found = clip.numbers()
    assert found["vpq"]["per_window"]["2"]["VPQ"] == pytest.approx(100)
    assert found["vpq"]["per_window"]["4"]["VPQ"] == -1
    assert found["vpq"]["mean_1_2_4_6"]["VPQ"] == -1
    assert found["stq_vipseg_script"]["STQ"] == found["stq_deeplab2_clean_ids"]["STQ"] == 1


def test_a_table_is_for_people(clip: Clip) -> None:
    result = clip.score()
    assert result.exit_code == 0, result.output
    for word in ("road", "100.00", "VIPSeg script", "mean of 1, 2, 4, 6"):
        assert word in result.stdout


def test_a_car_that_changes_its_id_is_lost_in_windows_of_two_but_not_of_one(clip: Clip) -> None:
    clip.draw("pred", 1, np.where(clip.ids == CAR, 9, ROAD))
    clip.segments("pred", 1)[1]["id"] = 9
    found = clip.numbers()
    cars = [found["vpq"]["per_window"][k]["per_class"]["7"] for k in ("1", "2")]
    assert (cars[0]["tp"], cars[0]["fp"], cars[0]["fn"]) == (2, 0, 0)
    assert (cars[1]["tp"], cars[1]["fp"], cars[1]["fn"]) == (0, 2, 1)
    # each half of the tube covers half of it: 6 * 6 / 12 twice, of 12 pixels
    assert found["stq_deeplab2_clean_ids"]["AQ"] == pytest.approx(0.5)
    assert found["stq_deeplab2_clean_ids"]["SQ"] == 1


def test_a_thing_that_is_listed_first_is_left_out_by_the_script_only(clip: Clip) -> None:
    clip.segments("gt", 0).reverse()
    found = clip.numbers()
    assert found["stq_vipseg_script"]["AQ"] == 0
    assert found["stq_deeplab2_clean_ids"]["AQ"] == 1


def test_a_crowd_is_neither_missed_nor_a_false_alarm(clip: Clip) -> None:
    for frame in range(2):
        clip.segments("gt", frame)[1]["iscrowd"] = 1
    found = clip.numbers()
    car = found["vpq"]["per_window"]["1"]["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (0, 0, 0)
    assert found["vpq"]["per_window"]["1"]["n_things"] == 0
    assert found["vpq"]["per_window"]["1"]["VPQ_things"] == -1
    assert found["stq_deeplab2_clean_ids"]["AQ"] == 0


def test_half_of_an_object_is_no_match(clip: Clip) -> None:
    half = clip.ids.copy()
    half[2, 2:5] = ROAD
    for frame in range(2):
        clip.draw("pred", frame, half)
    car = clip.numbers()["vpq"]["per_window"]["1"]["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (0, 2, 2)


def test_pixels_left_without_a_label_are_one_more_class_that_is_wrong(clip: Clip) -> None:
    for frame in range(2):
        clip.draw("pred", frame, np.where(clip.ids == CAR, CAR, 0))
        clip.segments("pred", frame).pop(0)
    found = clip.numbers()
    assert found["stq_vipseg_script"]["SQ"] == pytest.approx(1 / 3)


def _objects(clip: Clip, objects: str) -> dict[str, Any]:
    result = clip.score(f"--objects={objects}", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _let_a_car_come(clip: Clip, sides: tuple[str, ...]) -> None:
    """A second car, on the last frame alone."""
    for side in sides:
        ids = clip.ids.copy()
        ids[3, :2] = CAR + 1
        clip.draw(side, 1, ids)
        comer = {"id": CAR + 1, "category_id": 7, "iscrowd": 0, "area": 2}
        clip.segments(side, 1).append(comer)


def test_things_that_emerge_are_measured_alone(clip: Clip) -> None:
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


def test_a_missed_comer_is_missed_and_what_finds_the_others_no_false_alarm(clip: Clip) -> None:
    _let_a_car_come(clip, ("gt",))
    half = clip.ids.copy()
    half[1:3, 2] = CAR + 5
    clip.draw("pred", 0, half)
    clip.segments("pred", 0).append({"id": CAR + 5, "category_id": 7})
    car = _objects(clip, "emerging")["vpq"]["per_window"]["1"]["per_class"]["7"]
    assert (car["tp"], car["fp"], car["fn"]) == (0, 0, 1)


def test_a_car_seen_on_the_road_is_a_false_alarm_whatever_is_measured(clip: Clip) -> None:
    _let_a_car_come(clip, ("pred",))
    found = _objects(clip, "either")["vpq"]["per_window"]["1"]
    assert found["per_class"]["7"]["fp"] == 1
    # with nothing to be found, its class has no part in the mean
    assert (found["VPQ"], found["n_classes"]) == (-1, 0)


def test_the_truth_itself_finds_all_that_emerges_or_disappears(test_data: Path) -> None:
    folder = test_data / "metrics" / "vps_1"
    truth = (folder / "panoptic_gt.json", folder / "gt")
    result = _score(*truth, *truth, "--objects=either", "--json")
    found = json.loads(result.stdout)["vpq"]
    assert found["mean_1_2_4_6"]["VPQ"] == pytest.approx(100)
    assert found["per_window"]["1"]["n_stuff"] == 0 < found["per_window"]["1"]["n_things"]


def _unknown_category(clip: Clip) -> None:
    clip.segments("pred", 1)[0]["category_id"] = 8


def _unknown_true_category(clip: Clip) -> None:
    clip.segments("gt", 1)[0]["category_id"] = 8


def _unlisted_id(clip: Clip) -> None:
    clip.draw("pred", 1, np.where(clip.ids == CAR, 9, ROAD))


def _unlisted_true_id(clip: Clip) -> None:
    clip.segments("gt", 0).pop()


def _undrawn_id(clip: Clip) -> None:
    clip.segments("pred", 0).append({"id": 12, "category_id": 7})


def _id_twice(clip: Clip) -> None:
    clip.segments("pred", 0).append({"id": CAR, "category_id": 7})


def _id_out_of_range(clip: Clip) -> None:
    clip.segments("pred", 0)[1]["id"] = 2**24


def _no_area(clip: Clip) -> None:
    del clip.segments("gt", 1)[1]["area"]


def _unknown_video(clip: Clip) -> None:
    clip.found["annotations"].append({"video_id": "w", "annotations": []})


def _missing_video(clip: Clip) -> None:
    clip.found["annotations"].clear()


def _video_twice(clip: Clip) -> None:
    clip.found["annotations"] *= 2


def _missing_frame(clip: Clip) -> None:
    clip.found["annotations"][0]["annotations"].pop()


def _unannotated_frame(clip: Clip) -> None:
    clip.truth["annotations"][0]["annotations"].pop()


def _wrong_size(clip: Clip) -> None:
    clip.draw("pred", 0, clip.ids[1:])


def _grey_picture(clip: Clip) -> None:
    Image.new("L", (6, 4)).save(clip.picture("pred", 0))


def _missing_picture(clip: Clip) -> None:
    clip.picture("gt", 1).unlink()


def _no_picture(clip: Clip) -> None:
    clip.picture("pred", 1).write_text("png")


def _cut_picture(clip: Clip) -> None:
    path = clip.picture("pred", 1)
    path.write_bytes(path.read_bytes()[:-30])


def _torn_picture(clip: Clip) -> None:
    path = clip.picture("pred", 1)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def _garbled_pixels(clip: Clip) -> None:
    path = clip.picture("pred", 1)
    content = path.read_bytes()
    start = content.index(b"IDAT")
    data = b"IDAT" + b"\xff" * int.from_bytes(content[start - 4 : start], "big")
    checksum = zlib.crc32(data).to_bytes(4, "big")
    path.write_bytes(content[:start] + data + checksum + content[start + len(data) + 4 :])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_unknown_category, "pred.json: video v, frame 1: segment 300 has unknown category 8"),
        (_unknown_true_category, "gt.json: video v, frame 1: segment 300 has unknown category 8"),
        (_unlisted_id, "1.png: id 9 is not listed"),
        (_unlisted_true_id, "0.png: id 70001 is not listed"),
        (_undrawn_id, "pred.json: video v, frame 0: segment 12 is not in"),
        (_id_twice, "pred.json: video v, frame 0: an id is listed twice: 70001"),
        (_id_out_of_range, "pred.json: video v, frame 0, segment 1 is not as it should be"),
        (_no_area, "gt.json: video v, frame 1, segment 1 is not as it should be"),
        (_unknown_video, "pred.json: video w is not listed in"),
        (_missing_video, "pred.json: video v is missing"),
        (_video_twice, "pred.json: video v is annotated twice"),
        (_missing_frame, "pred.json: video v has 1 of 2 frames"),
        (_unannotated_frame, "gt.json: video v has 2 images, 1 annotated"),
        (_wrong_size, "0.png is (3, 6), it should be (4, 6)"),
        (_grey_picture, "0.png is L, it should be RGB"),
        (_missing_picture, "1.png cannot be read as a picture"),
        (_no_picture, "1.png cannot be read as a picture"),
        (_cut_picture, "1.png cannot be read as a picture"),
        (_torn_picture, "1.png"),
        (_garbled_pixels, "1.png cannot be read as a picture"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    clip: Clip, spoil: Callable[[Clip], None], sentence: str
) -> None:
    spoil(clip)
    _refused(clip.score(), sentence)


@pytest.mark.parametrize("name", ["gt.json", "pred.json"])
@pytest.mark.parametrize("text", [None, "{", "[]", "7", '{"annotations": [3]}'])
def test_a_file_that_is_missing_or_broken_is_named(clip: Clip, name: str, text: str | None) -> None:
    clip.score()
    if text is None:
        (clip.folder / name).unlink()
    else:
        (clip.folder / name).write_text(text)
    _refused(clip.score_files(), name)


def _refused(result: Result, sentence: str) -> None:
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert sentence in result.output
    assert "Traceback" not in result.output
