"""YouTube-VIS and OVIS on disk: what was annotated comes back, what is broken is named."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.annotations import read_annotations
from maskstream_train.data.pictures import read_frame
from maskstream_train.data.readers import open_reader
from support.datasets import SIZE, Tubes, box, draw_frames


@pytest.fixture
def tubes(tmp_path: Path) -> Tubes:
    return Tubes(tmp_path)


def test_videos_and_categories_come_by_rising_id(tubes: Tubes) -> None:
    tubes.write()
    reader = open_reader(tubes.folder, "ytvis")
    assert [(video.id, video.name) for video in reader.videos] == [(4, "a"), (9, "b")]
    assert [(item.id, item.name) for item in reader.categories] == [(5, "cat"), (9, "flying_disc")]
    assert reader.videos[0].pictures[2] == tubes.pictures / "a" / "2.jpg"
    assert reader.annotated


def test_chosen_frames_come_in_the_order_asked_for_with_their_masks(tubes: Tubes) -> None:
    tubes.content["annotations"][1]["iscrowd"] = 1
    tubes.write()
    reader = open_reader(tubes.folder, "ytvis")
    chosen = reader.read(0, [2, 0, 2])
    assert chosen.frames.shape == (3, *SIZE, 3)
    assert [round(float(red) / 20) for red in chosen.frames[..., 0].mean((1, 2))] == [2, 0, 2]
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.ids.tolist() == [11, 12]
    assert chosen.crowd.tolist() == [False, True]
    empty = np.zeros(SIZE, dtype=bool)
    first, last = [empty, box(0, 0, 2, 2)], [box(2, 2, 4, 6), empty]
    assert np.array_equal(chosen.masks, [last, first, last])
    assert np.array_equal(read_frame(reader.videos[0], 2), chosen.frames[0])


def test_a_video_without_objects_has_none(tubes: Tubes) -> None:
    tubes.write()
    chosen = open_reader(tubes.folder, "ytvis").read(1, [0])
    assert chosen.masks.shape == (1, 0, *SIZE)
    assert chosen.labels.shape == chosen.ids.shape == chosen.crowd.shape == (0,)


@pytest.mark.parametrize("form", ["compressed", "counts", "polygons"])
def test_every_encoding_of_a_mask_is_read(tubes: Tubes, form: str) -> None:
    mask = box(2, 1, 4, 5)
    counts = [8, 2, 4, 2, 4, 2, 4, 2, 20]
    parts: dict[str, Any] = {
        "compressed": tubes.content["annotations"][0]["segmentations"][1],
        "counts": {"size": list(SIZE), "counts": counts},
        "polygons": [[1, 2, 3, 2, 3, 4, 1, 4], [3, 2, 5, 2, 5, 4, 3, 4]],
    }
    tubes.content["annotations"][0]["segmentations"][1] = parts[form]
    tubes.write()
    assert np.array_equal(open_reader(tubes.folder, "ytvis").read(0, [1]).masks[0, 0], mask)


@pytest.mark.parametrize("annotations", [None, []])
def test_a_set_for_submission_has_videos_and_no_truth(tubes: Tubes, annotations: Any) -> None:
    tubes.content["annotations"] = annotations
    tubes.write()
    reader = open_reader(tubes.folder, "ytvis")
    assert not reader.annotated
    assert reader.read(0, [0]).masks.shape == (1, 0, *SIZE)


@pytest.mark.parametrize(
    ("file", "pictures", "asked"),
    [
        ("train/instances.json", "train/JPEGImages", "train"),
        ("valid.json", "valid/JPEGImages", "valid"),
        ("instances_val_sub.json", "val/JPEGImages", "."),
        ("annotations_train.json", "train", "train"),
        ("annotations/annotations_valid.json", "valid", "."),
        ("train/instances.json", "train/JPEGImages", "train/instances.json"),
    ],
)
def test_published_layouts_are_found(tmp_path: Path, file: str, pictures: str, asked: str) -> None:
    tubes = Tubes(tmp_path / "made")
    tubes.file = tmp_path / "set" / file
    tubes.write()
    shutil.copytree(tubes.pictures, tmp_path / "set" / pictures, dirs_exist_ok=True)
    reader = open_reader(tmp_path / "set" / asked, "ytvis")
    assert reader.videos[0].pictures[0] == tmp_path / "set" / pictures / "a" / "0.jpg"


def test_several_files_must_be_distinguished(tubes: Tubes) -> None:
    for name in ("train.json", "valid.json"):
        shutil.copy(tubes.write(), tubes.folder / name)
    tubes.file.unlink()
    with pytest.raises(DatasetError, match=r"it has train\.json, valid\.json; name the file"):
        open_reader(tubes.folder, "ytvis")
    assert open_reader(tubes.folder / "valid.json", "ytvis").annotated


def _first(tubes: Tubes) -> dict[str, Any]:
    return tubes.content["annotations"][0]


def _missing_frame(tubes: Tubes) -> None:
    (tubes.pictures / "a" / "1.jpg").unlink()


def _wrong_size(tubes: Tubes) -> None:
    Image.new("RGB", (8, 5)).save(tubes.pictures / "a" / "1.jpg")


def _cut_picture(tubes: Tubes) -> None:
    path = tubes.pictures / "a" / "1.jpg"
    path.write_bytes(path.read_bytes()[:-200])


def _unknown_category(tubes: Tubes) -> None:
    _first(tubes)["category_id"] = 8


def _annotation_twice(tubes: Tubes) -> None:
    tubes.content["annotations"][1]["id"] = 11


def _video_twice(tubes: Tubes) -> None:
    tubes.content["videos"].append(tubes.content["videos"][0])


def _category_twice(tubes: Tubes) -> None:
    tubes.content["categories"][1]["id"] = 9


def _unlisted_video(tubes: Tubes) -> None:
    _first(tubes)["video_id"] = 5


def _wrong_rle(tubes: Tubes) -> None:
    _first(tubes)["segmentations"][1]["size"] = [8, 6]


def _short_rle(tubes: Tubes) -> None:
    _first(tubes)["segmentations"][1] = {"size": list(SIZE), "counts": [40]}


def _line(tubes: Tubes) -> None:
    _first(tubes)["segmentations"][1] = [[1, 2, 3, 4]]


def _short_tube(tubes: Tubes) -> None:
    _first(tubes)["segmentations"].pop()


def _no_class(tubes: Tubes) -> None:
    del _first(tubes)["category_id"]


def _no_videos(tubes: Tubes) -> None:
    tubes.content["videos"], tubes.content["annotations"] = [], []


def _annotations_of_another_kind(tubes: Tubes) -> None:
    tubes.content["annotations"] = {"a": 1}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_missing_frame, r"video 4 lacks its file .*1\.jpg"),
        (_wrong_size, r"1\.jpg is 8x5, it should be 8x6"),
        (_cut_picture, r"1\.jpg cannot be read as a picture"),
        (_unknown_category, r"json: video 4, annotation 11 has category 8, not listed there"),
        (_annotation_twice, r"json: annotation 11 is listed twice"),
        (_video_twice, r"json: video 9 is listed twice"),
        (_category_twice, r"json: category 9 is listed twice"),
        (_unlisted_video, r"json: annotations of a video that is not listed: 5"),
        (_wrong_rle, r"json: video 4, annotation 11, frame 1: .* a mask of \(8, 6\)"),
        (_short_rle, r"annotation 11, frame 1: .* its runs do not fill the picture"),
        (_line, r"annotation 11, frame 1: .* a polygon of 4 numbers"),
        (_short_tube, r"video 4 is not as it should be.*2 segmentations in annotation 11"),
        (_no_class, r"json: video 4, annotation 11 has no .category_id"),
        (_no_videos, r"json lists no videos"),
        (_annotations_of_another_kind, r"json has no list of annotations"),
    ],
)
def test_what_is_broken_is_named_with_its_file_and_entry(
    tubes: Tubes, spoil: Callable[[Tubes], None], sentence: str
) -> None:
    spoil(tubes)
    tubes.write()
    with pytest.raises(DatasetError, match=sentence):
        open_reader(tubes.folder, "ytvis").read(0, [0, 1, 2])


def test_pictures_that_are_nowhere_are_asked_for(tubes: Tubes) -> None:
    tubes.write()
    shutil.rmtree(tubes.pictures)
    with pytest.raises(DatasetError, match=r"the pictures of .*instances\.json are not beside it"):
        open_reader(tubes.folder, "ytvis")


def test_the_form_of_mmtracking_is_refused_by_name(test_data: Path) -> None:
    file = test_data / "annotated" / "format_samples" / "mmtracking" / "ann.json"
    with pytest.raises(DatasetError, match=r"ann\.json lists images beside its videos, as CocoVID"):
        open_reader(file, "ytvis")
    with pytest.raises(DatasetError, match=r"results\.json has no list of videos"):
        open_reader(file.with_name("results.json"), "ytvis")


def test_videos_beyond_another_set_are_those_it_has_no_folder_of(tubes: Tubes) -> None:
    whole = read_annotations(tubes.write())
    tubes.content["videos"] = [{**tubes.content["videos"][1], "id": 77}]
    tubes.content["annotations"] = None
    assert [video.id for video in whole.beyond(read_annotations(tubes.write())).videos] == [9]


@pytest.mark.parametrize("case", ["ytvis_ap_1", "ytvis_ap_2", "ovis_ap_1"])
def test_masks_of_the_reference_cases_have_their_annotated_areas(
    test_data: Path, tmp_path: Path, case: str
) -> None:
    file = Path(shutil.copy(test_data / "metrics" / case / "gt.json", tmp_path))
    for video in read_annotations(file).videos:
        draw_frames(tmp_path, video.file_names, (video.height, video.width))
    reader = open_reader(file, "ovis")
    for index, video in enumerate(reader.annotations.videos[:2]):
        chosen = reader.read(index, range(len(video.file_names)))
        areas = [[area or 0 for area in thing.areas] for thing in video.objects]
        assert chosen.masks.sum((2, 3)).T.tolist() == areas


def test_real_pictures_lie_under_their_masks(test_data: Path) -> None:
    folder = test_data / "annotated" / "composite"
    both = [open_reader(folder, "ytvis"), open_reader(folder, "ovis")]
    assert [len(reader.categories) for reader in both] == [40, 25]
    # the two files list their videos under the same ids
    one, other = (reader.read(0, [0, 20]) for reader in both)
    assert one.frames.shape == (2, 360, 640, 3)
    assert np.array_equal(one.masks, other.masks)
    assert one.masks[1].any((1, 2)).sum() == 4
