"""Files in forms of our own and of data sets, read back with other people's readers."""

import csv
import json
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from pycocotools import mask as coco

from maskstream_exports import tracks
from maskstream_exports.events import write_events
from maskstream_exports.formats import FORMATS
from maskstream_exports.masks import write_masks
from maskstream_exports.panoptic import write_panoptic
from maskstream_exports.video_results import ResultClass
from maskstream_exports.ytvis import write_ytvis
from support.result_lines import FRAMES, found, lines, rectangle, results_of


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_ytvis_has_an_entry_for_each_track_and_a_mask_or_null_for_each_frame(tmp_path):
    write_ytvis(results_of(FRAMES, frame_rate=30_000 / 1001), tmp_path / "ytvis.json")
    one, seven = json.loads((tmp_path / "ytvis.json").read_text())
    assert (one["video_id"], one["track_id"], one["category_id"], one["score"]) == (1, 1, 1, 0.7)
    assert (seven["track_id"], seven["category_id"], seven["score"]) == (7, 3, 0.8)
    assert (one["label"], seven["label"]) == ("class 0", "class 2")
    assert one["file_name"] == seven["file_name"] == "street.mp4"
    assert one["frame_rate"] == seven["frame_rate"] == 29.97
    masks = [None if rle is None else coco.decode(rle) for rle in one["segmentations"]]
    assert [mask is not None for mask in masks] == [True, True, False, False, True, False]
    np.testing.assert_array_equal(masks[4], rectangle(2, 2))
    assert [rle is not None for rle in seven["segmentations"]] == [0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("show_min", "visible"), [(0.0, [True, True]), (0.7, [True, True]), (0.71, [False, True])]
)
def test_ytvis_says_which_tracks_were_sure_enough_on_any_frame(tmp_path, show_min, visible):
    write_ytvis(results_of(FRAMES, show_min=show_min), tmp_path / "ytvis.json")
    entries = json.loads((tmp_path / "ytvis.json").read_text())
    assert [entry["visible"] for entry in entries] == visible


def test_ytvis_of_nothing_is_an_empty_list(tmp_path):
    write_ytvis(results_of([]), tmp_path / "ytvis.json")
    assert json.loads((tmp_path / "ytvis.json").read_text()) == []


@pytest.mark.parametrize("name", [name for name in FORMATS if not name.endswith(".zip")])
def test_masks_of_a_long_video_cost_no_memory(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tracks, "ROWS_AT_ONCE", 8)
    wordy = [found(n, rectangle(n, n)) | {"label": "label " * 500} for n in range(1, 5)]
    (line,) = lines(wordy)
    # The first run imports what is needed.
    peaks = [peak_of(FORMATS[name], line, count, tmp_path / name) for count in (1, 10, 60)]
    assert 50 * len(line) > 600_000
    assert peaks[2] < peaks[1] + 200_000


def peak_of(write, line, count, target):
    """How many bytes writing so many equal lines takes at most."""
    tracemalloc.start()
    try:
        write(results_of(line for _ in range(count)), target)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_masks_are_pictures_of_track_ids_with_the_better_score_on_top(tmp_path):
    write_masks(results_of(FRAMES), tmp_path / "masks.zip")
    with zipfile.ZipFile(tmp_path / "masks.zip") as file:
        assert file.testzip() is None
        *names, last = file.namelist()
        assert (names, last) == ([f"{n:06d}.png" for n in range(6)], "tracks.json")
        pictures = [Image.open(BytesIO(file.read(name))) for name in names]
        tracks = json.loads(file.read(last))
    assert all(picture.mode.startswith("I;16") for picture in pictures)
    pixels = [np.asarray(picture) for picture in pictures]
    assert (pixels[1][3:6, 3:6] == 7).all()
    assert set(np.unique(pixels[1])) == {0, 1, 7}
    assert set(np.unique(pixels[2])) == {0, 7}
    assert not pixels[3].any()
    shown = {int(track_id) for picture in pixels for track_id in np.unique(picture)} - {0}
    assert [each["track_id"] for each in tracks] == sorted(shown)
    assert all(each["label"] and 0 <= each["score"] <= 1 for each in tracks)


def test_the_same_lines_give_the_same_zip(tmp_path):
    for name in ("a.zip", "b.zip"):
        write_masks(results_of(FRAMES), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_track_id_beyond_16_bits_is_refused(tmp_path):
    with pytest.raises(OverflowError, match="track 70000"):
        write_masks(results_of(lines([found(70_000, rectangle(0, 0))])), tmp_path / "masks.zip")


def test_tracks_are_a_table_with_a_row_for_each_track_and_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(tracks, "ROWS_AT_ONCE", 2)
    tracks.write_parquet(results_of(FRAMES), tmp_path / "tracks.parquet")
    table = parquet.read_table(tmp_path / "tracks.parquet")
    assert [str(kind) for kind in table.schema.types[:2]] == ["int64", "double"]
    rows = table.to_pylist()
    assert [(row["frame"], row["track_id"], row["status"]) for row in rows] == [
        (0, 1, "emerged"),
        (1, 1, "tracked"),
        (1, 7, "emerged"),
        (2, 1, "missed"),
        (2, 7, "tracked"),
        (4, 1, "tracked"),
        (4, 7, "disappeared"),
        (5, 1, "tracked"),
    ]
    seven = rows[4]
    assert [seven[name] for name in ("x0", "y0", "x1", "y1", "area")] == [4, 4, 9, 9, 25]
    assert (seven["class_id"], seven["label"]) == (2, "class 2")
    assert (seven["time_s"], seven["score"]) == pytest.approx((0.2, 0.8))
    assert rows[6]["area"] == rows[6]["x1"] == 0


def test_a_table_of_nothing_has_its_columns(tmp_path):
    tracks.write_parquet(results_of([]), tmp_path / "tracks.parquet")
    table = parquet.read_table(tmp_path / "tracks.parquet")
    assert table.num_rows == 0
    assert "track_id" in table.column_names


def test_events_of_rules_are_a_table(tmp_path):
    first, second = (json.loads(line) for line in lines([], []))
    about = {"track_id": 7, "class_id": 2, "label": "class 2", "score": 0.5}
    entered = {"id": "1-door-7", "rule": "door", "type": "entered", **about}
    many = {"id": "1-many-1", "rule": "many", "type": "count_above", "count": 4}
    second["events"] = [entered, many]
    made = [json.dumps(line).encode() + b"\n" for line in (first, second)]
    write_events(results_of(made), tmp_path / "events.csv")
    with (tmp_path / "events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["time_s"], row["rule"]) for row in rows] == [
        ("1", "0.1", "door"),
        ("1", "0.1", "many"),
    ]
    assert (rows[0]["track_id"], rows[0]["label"], rows[0]["count"]) == ("7", "class 2", "")
    assert (rows[1]["track_id"], rows[1]["count"]) == ("", "4")


def test_panoptic_pictures_and_list_say_the_same(tmp_path):
    classes = [ResultClass("cat"), *2 * [ResultClass("sky", thing=False)]]
    shown = lines(
        [found(300, rectangle(0, 0)), found(70_000, rectangle(6, 6), class_id=2)],
        [],
        [found(300, rectangle(1, 0), "missed"), found(70_000, None)],
    )
    write_panoptic(results_of(shown, classes=classes), tmp_path / "panoptic.zip")
    with zipfile.ZipFile(tmp_path / "panoptic.zip") as file:
        assert file.testzip() is None
        listed = json.loads(file.read("pred.json"))
        ids = [read_ids(BytesIO(file.read(f"pan_pred/{n:06d}.png"))) for n in range(3)]
    (video,) = listed["annotations"]
    infos = [frame["segments_info"] for frame in video["annotations"]]
    assert [len(info) for info in infos] == [2, 0, 1]
    assert [info["isthing"] for info in infos[0]] == [1, 0]
    for info in infos[0]:
        x, y, width, height = info["bbox"]
        assert (ids[0][y : y + height, x : x + width] == info["id"]).sum() == info["area"] == 25
    assert {category["id"]: category["name"] for category in listed["categories"]}[3] == "sky"
    assert [set(np.unique(pixels)) for pixels in ids[1:]] == [{0}, {0, 300}]


def read_ids(file):
    channels = np.asarray(Image.open(file)).astype(np.int64)
    return channels @ [1, 256, 65536]


def test_a_table_as_text_has_the_rows_of_the_parquet_table(tmp_path):
    tracks.write_csv(results_of(FRAMES), tmp_path / "tracks.csv")
    tracks.write_parquet(results_of(FRAMES), tmp_path / "tracks.parquet")
    with (tmp_path / "tracks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "tracks.parquet").to_pylist()
    assert [list(row) for row in rows] == [list(row) for row in table]
    for row, expected in zip(rows, table, strict=True):
        assert [row["label"], row["status"]] == [expected["label"], expected["status"]]
        numbers = expected.keys() - {"label", "status"}
        assert [float(row[name]) for name in numbers] == pytest.approx(
            [expected[name] for name in numbers]
        )
