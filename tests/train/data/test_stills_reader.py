"""COCO on disk: each picture is a video of one frame, and what is broken is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskstream_model.errors import DatasetError
from maskstream_train.data.annotations import read_annotations, read_stills
from maskstream_train.data.readers import open_reader
from support.datasets import SIZE, Tubes, box, draw_frames


class Stills:
    """Two pictures in the form of COCO instances."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content: dict[str, Any] = {
            "images": [
                {"id": 30, "file_name": "b.jpg", "height": 6, "width": 8},
                {"id": 7, "file_name": "a.jpg", "height": 6, "width": 8},
            ],
            "categories": [{"id": 90, "name": "dog"}, {"id": 3, "name": "car"}],
            "annotations": [
                _still(1, 7, 90, [[1, 2, 5, 2, 5, 4, 1, 4]], 0),
                _still(2, 7, 3, {"size": [6, 8], "counts": [0, 6, 42]}, 1),
            ],
        }
        draw_frames(folder / "train2017", ["a.jpg", "b.jpg"])

    def write(self) -> Path:
        file = self.folder / "annotations" / "instances_train2017.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(self.content))
        return file


def _still(number: int, image: int, category: int, mask: Any, crowd: int) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": mask,
        "iscrowd": crowd,
        "area": 8,
    }


def test_a_still_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    Stills(tmp_path).write()
    reader = open_reader(tmp_path, "coco")
    assert [(video.id, len(video.pictures)) for video in reader.videos] == [(7, 1), (30, 1)]
    assert [item.id for item in reader.categories] == [3, 90]
    chosen = reader.read(0, [0, 0])
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.crowd.tolist() == [False, True]
    assert np.array_equal(chosen.masks, [[box(2, 1, 4, 5), box(0, 0, 6, 1)]] * 2)
    assert chosen.frames.shape == (2, *SIZE, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"category_id": 8}, r"picture 7, annotation 1 has category 8"),
        ({"image_id": 8}, r"annotations of a picture that is not listed: 8"),
        ({"id": 2}, r"annotation 2 is listed twice"),
        ({"segmentation": [["x"]]}, r"picture 7, annotation 1 is not as it should be"),
        ({"segmentation": [[1, 2]]}, r"picture 7, annotation 1: .* a polygon of 2 numbers"),
        ({"segmentation": {"size": [6, 9], "counts": [54]}}, r"annotation 1: .*\(6, 9\)"),
    ],
)
def test_what_is_broken_in_a_file_of_stills_is_named(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    stills = Stills(tmp_path)
    stills.content["annotations"][0] |= change
    stills.write()
    with pytest.raises(DatasetError, match=sentence):
        open_reader(tmp_path, "coco").read(0, [0])


def test_videos_are_no_stills_and_stills_no_videos(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no list of images"):
        read_stills(Tubes(tmp_path).write())
    with pytest.raises(DatasetError, match="has no list of videos"):
        read_annotations(Stills(tmp_path).write())
