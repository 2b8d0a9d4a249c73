"""Files that a finished video gives, read back with other people's readers."""

import json
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from maskstream_server.jobs.artifacts import WRITERS, write_masks, write_ytvis
from maskstream_server.jobs.options import ARTIFACTS

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
    return {
        "track_id": track,
        "class_id": class_id,
        "score": score,
        "status": status,
        "segmentation": rle,
    }


def lines(*frames) -> list[bytes]:
    return [
        json.dumps({"frame": n, "size": SIZE, "objects": objects}).encode() + b"\n"
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


def test_every_artifact_that_can_be_wished_for_can_be_made():
    assert set(WRITERS) == set(ARTIFACTS)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_ytvis_has_an_entry_for_each_track_and_a_mask_or_null_for_each_frame(tmp_path):
    write_ytvis(FRAMES, tmp_path / "ytvis.json")
    one, seven = json.loads((tmp_path / "ytvis.json").read_text())
    assert (one["video_id"], one["track_id"], one["category_id"], one["score"]) == (1, 1, 1, 0.7)
    assert (seven["track_id"], seven["category_id"], seven["score"]) == (7, 3, 0.8)
    masks = [None if rle is None else coco.decode(rle) for rle in one["segmentations"]]
    assert [mask is not None for mask in masks] == [True, True, False, False, True, False]
    np.testing.assert_array_equal(masks[4], rectangle(2, 2))
    assert [rle is not None for rle in seven["segmentations"]] == [0, 1, 1, 0, 0, 0]


def test_ytvis_of_nothing_is_an_empty_list(tmp_path):
    write_ytvis([], tmp_path / "ytvis.json")
    assert json.loads((tmp_path / "ytvis.json").read_text()) == []


def test_ytvis_costs_no_memory_for_its_masks(tmp_path):
    noise = np.random.default_rng(0).random(SIZE) > 0.5
    (line,) = lines([found(track, noise) for track in range(20)])
    count = 1500
    tracemalloc.start()
    try:
        write_ytvis((line for _ in range(count)), tmp_path / "ytvis.json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "ytvis.json").stat().st_size > 6_000_000
    assert peak < 3_000_000


def test_masks_are_pictures_of_track_ids_with_the_better_score_on_top(tmp_path):
    write_masks(FRAMES, tmp_path / "masks.zip")
    with zipfile.ZipFile(tmp_path / "masks.zip") as file:
        assert file.testzip() is None
        assert file.namelist() == [f"{n:06d}.png" for n in range(6)]
        pictures = [Image.open(BytesIO(file.read(name))) for name in file.namelist()]
    assert all(picture.mode.startswith("I;16") for picture in pictures)
    pixels = [np.asarray(picture) for picture in pictures]
    assert (pixels[1][3:6, 3:6] == 7).all()
    assert set(np.unique(pixels[1])) == {0, 1, 7}
    assert set(np.unique(pixels[2])) == {0, 7}
    assert not pixels[3].any()


def test_the_same_lines_give_the_same_zip(tmp_path):
    for name in ("a.zip", "b.zip"):
        write_masks(FRAMES, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_track_id_beyond_16_bits_is_refused(tmp_path):
    with pytest.raises(OverflowError, match="track 70000"):
        write_masks(lines([found(70_000, rectangle(0, 0))]), tmp_path / "masks.zip")
