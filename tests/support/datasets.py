"""Tiny data sets on disk, in every form that we read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskstream_train.data.panoptic import write_ids
from support.rle import encode_mask

SIZE = (6, 8)
ROAD, SKY, CAR, DOG = 300, 301, 70_001, 70_002


def box(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A mask of one rectangle, right and bottom left out."""
    mask = np.zeros(size, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def draw_frames(folder: Path, names: Sequence[str], size: tuple[int, int] = SIZE) -> None:
    """Write pictures; their red is twenty times their number."""
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size[::-1], (20 * index, 0, 0)).save(path)


class Tubes:
    """Two videos in the form of YouTube-VIS; change `content`, then `write` it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "instances.json"
        self.pictures = folder / "JPEGImages"
        self.content: dict[str, Any] = {
            "videos": [
                {"id": 9, "height": 6, "width": 8, "file_names": ["b/0.jpg"]},
                {"id": 4, "height": 6, "width": 8, "file_names": [f"a/{i}.jpg" for i in range(3)]},
            ],
            "categories": [{"id": 9, "name": "flying_disc"}, {"id": 5, "name": "cat"}],
            "annotations": [
                tube(11, 4, 9, [None, box(2, 1, 4, 5), box(2, 2, 4, 6)]),
                tube(12, 4, 5, [box(0, 0, 2, 2), box(0, 0, 2, 2), None]),
            ],
        }
        for video in self.content["videos"]:
            draw_frames(self.pictures, video["file_names"])

    def write(self) -> Path:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.content))
        return self.file


def tube(
    number: int, video: int, category: int, masks: Sequence[np.ndarray | None]
) -> dict[str, Any]:
    """One annotation."""
    return {
        "id": number,
        "video_id": video,
        "category_id": category,
        "iscrowd": 0,
        "segmentations": [None if mask is None else encode_mask(mask) for mask in masks],
        "areas": [None if mask is None else int(mask.sum()) for mask in masks],
    }


class Panoptic:
    """One VIPSeg video of three frames: road, sky of two segments, a car that comes second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "panoptic_gt_VIPSeg_val.json"
        images = [
            {"id": str(i), "file_name": f"{i}.jpg", "height": 6, "width": 8} for i in range(3)
        ]
        self.content: dict[str, Any] = {
            "videos": [{"video_id": "0_street", "images": images}],
            "categories": [
                {"id": 40, "name": "road", "isthing": 0},
                {"id": 28, "name": "sky", "isthing": 0},
                {"id": 7, "name": "car", "isthing": 1},
            ],
            "annotations": [{"video_id": "0_street", "annotations": []}],
        }
        draw_frames(folder / "imgs" / "0_street", [f"{index}.jpg" for index in range(3)])
        (folder / "panomasksRGB" / "0_street").mkdir(parents=True)
        for index in range(3):
            self.draw(index, self.ids(index))
            listed = [(ROAD, 40), (SKY, 28), (SKY + 7, 28), *([(CAR, 7)] if index else [])]
            infos = [
                {"id": number, "category_id": category, "iscrowd": 0, "area": 1}
                for number, category in listed
            ]
            frame = {"file_name": f"{index}.png", "segments_info": infos}
            self.frames.append(frame)

    @property
    def frames(self) -> list[dict[str, Any]]:
        return self.content["annotations"][0]["annotations"]

    @staticmethod
    def ids(frame: int) -> np.ndarray:
        """Void on the left edge."""
        ids = np.full(SIZE, ROAD, dtype=np.int32)
        ids[:2], ids[:2, 4:] = SKY, SKY + 7
        ids[:, 0] = 0
        if frame:
            ids[3:5, frame : frame + 3] = CAR
        return ids

    def draw(self, frame: int, ids: np.ndarray) -> None:
        write_ids(self.picture(frame), ids)

    def picture(self, frame: int) -> Path:
        return self.folder / "panomasksRGB" / "0_street" / f"{frame}.png"

    def write(self) -> Path:
        self.file.write_text(json.dumps(self.content))
        return self.file
