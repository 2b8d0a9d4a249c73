"""Files that a finished video gives, read back with other people's readers."""

import json
import threading
import time
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from pycocotools import mask as coco

from maskstream_model.config import ClassInfo
from maskstream_server.jobs.artifacts import tracks
from maskstream_server.jobs.artifacts.feed import Feed, FeedStoppedError
from maskstream_server.jobs.artifacts.masks import write_masks
from maskstream_server.jobs.artifacts.panoptic import write_panoptic
from maskstream_server.jobs.artifacts.ytvis import write_ytvis
from maskstream_server.jobs.processing.making import WRITERS
from maskstream_server.jobs.records.job_options import ARTIFACTS
from maskstream_server.jobs.records.record import ResultPart
from support.uploads import video_record

SIZE = [20, 30]


def rectangle(x: int, y: int, size: int = 5):
    mask = np.zeros(SIZE, bool)
    mask[y : y + size, x : x + size] = True
    return mask


def found(track: int, mask=None, status: str = "tracked", score: float = 0.5, class_id: int = 0):
    rle = None
    if mask is not None:
        encoded = coco.encode(np.asfortranarray(mask, np.uint8))
        rle = {"size": SIZE, "counts": encoded["counts"].decode()}
    rows, columns = np.nonzero(rectangle(0, 0, 0) if mask is None else mask)
    box = [0, 0, 0, 0]
    if len(rows):
        ends = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        box = [int(end) for end in ends]
    return {
        "track_id": track,
        "class_id": class_id,
        "label": f"class {class_id}",
        "score": score,
        "status": status,
        "age": 1,
        "box": box,
        "area": len(rows),
        "segmentation": rle,
    }


def lines(*frames) -> list[bytes]:
    return [
        json.dumps({"frame": n, "time_s": n / 10, "size": SIZE, "objects": objects}).encode()
        + b"\n"
        for n, objects in enumerate(frames)
    ]


FRAMES = lines(
    [found(1, rectangle(0, 0), "emerged", 0.4)],
    [found(1, rectangle(1, 1)), found(7, rectangle(3, 3), "emerged", 0.9, class_id=2)],
    [found(1, rectangle(9, 9), "missed", 0.1), found(7, rectangle(4, 4), score=0.8, class_id=2)],
    [],
    [found(1, rectangle(2, 2), score=0.6), found(7, None, "disappeared", 0.0)],
    [found(1, None, score=0.7)],
)


def test_every_artifact_that_can_be_requested_can_be_made():
    assert set(WRITERS) == set(ARTIFACTS)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_ytvis_has_an_entry_for_each_track_and_a_mask_or_null_for_each_frame(tmp_path):
    write_ytvis(FRAMES, tmp_path / "ytvis.json", "street.mp4", frame_rate=30_000 / 1001)
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
    write_ytvis(FRAMES, tmp_path / "ytvis.json", show_min=show_min)
    entries = json.loads((tmp_path / "ytvis.json").read_text())
    assert [entry["visible"] for entry in entries] == visible


def test_ytvis_of_nothing_is_an_empty_list(tmp_path):
    write_ytvis([], tmp_path / "ytvis.json")
    assert json.loads((tmp_path / "ytvis.json").read_text()) == []


# Parquet holds some hundred frames at a time.
@pytest.mark.parametrize(("write", "count"), [(write_ytvis, 300), (tracks.write_tracks, 1500)])
def test_masks_of_a_long_video_cost_no_memory(tmp_path, write, count):
    noise = np.random.default_rng(0).random(SIZE) > 0.5
    (line,) = lines([found(track, noise) for track in range(20)])
    write([line], tmp_path / "warm")
    tracemalloc.start()
    try:
        write((line for _ in range(count)), tmp_path / "file")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < count * len(line) / 3.5


def test_masks_are_pictures_of_track_ids_with_the_better_score_on_top(tmp_path):
    write_masks(FRAMES, tmp_path / "masks.zip")
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
        write_masks(FRAMES, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_track_id_beyond_16_bits_is_refused(tmp_path):
    with pytest.raises(OverflowError, match="track 70000"):
        write_masks(lines([found(70_000, rectangle(0, 0))]), tmp_path / "masks.zip")


def test_tracks_are_a_table_with_a_row_for_each_track_and_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(tracks, "ROWS_AT_ONCE", 2)
    tracks.write_tracks(FRAMES, tmp_path / "tracks.parquet")
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
    tracks.write_tracks([], tmp_path / "tracks.parquet")
    table = parquet.read_table(tmp_path / "tracks.parquet")
    assert table.num_rows == 0
    assert "track_id" in table.column_names


def test_panoptic_pictures_and_list_say_the_same(tmp_path):
    classes = [ClassInfo("cat", "#010203"), *2 * [ClassInfo("sky", "#010204", thing=False)]]
    shown = lines(
        [found(300, rectangle(0, 0)), found(70_000, rectangle(6, 6), class_id=2)],
        [],
        [found(300, rectangle(1, 0), "missed"), found(70_000, None)],
    )
    write_panoptic(shown, classes, tmp_path / "panoptic.zip")
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


def test_a_feed_gives_what_counts_as_it_comes_and_ends_with_the_last(tmp_path):
    (tmp_path / "a").write_bytes(b"0\n1\nnot counted")
    (tmp_path / "b").write_bytes(b"2\n3\n4\n")
    feed, got = Feed(tmp_path), []
    reader = threading.Thread(target=lambda: got.extend(feed))
    reader.start()
    first = ResultPart("a", 0, 4)
    for parts, next_frame, complete in (
        ((), 0, False),
        ((first,), 2, False),
        ((first, ResultPart("b", 2, 2)), 3, False),
        ((first, ResultPart("b", 2, 6)), 5, True),
    ):
        time.sleep(0.05)
        feed.advance(video_record(parts=parts, next_frame=next_frame, all_frames=complete))
    reader.join(60)
    assert got == list(feed) == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]


def test_a_feed_that_is_stopped_lets_its_readers_go(tmp_path):
    feed = Feed(tmp_path)
    threading.Timer(0.1, feed.stop).start()
    with pytest.raises(FeedStoppedError):
        next(iter(feed))
