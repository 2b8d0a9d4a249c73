"""Panoptic results in the form of VIPSeg: `pred.json`, and `pan_pred` with a PNG of each frame."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.panoptic import Ids, write_ids
from maskstream_train.data.videos import Category, VideoInfo
from maskstream_train.evaluation.whole import whole_folder

RESULTS, PICTURES = "pred.json", "pan_pred"


class PanopticWriter:
    """Writes panoptic videos into a folder; only what `pred.json` lists is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: list[dict[str, Any]] = []

    def add(self, video: VideoInfo, maps: Iterable[Ids], segments: Mapping[int, Category]) -> None:
        """Write one video.

        Args:
            video: its name becomes a folder, the stems of its frames become the names of pictures.
            maps: `(height, width)` of each frame, ids of segments, 0 for none.
            segments: category of each id that occurs.

        Raises:
            DatasetError: the video's name cannot be that of a folder.
        """
        if Path(video.name).name != video.name:
            raise DatasetError(f"video {video.name!r} has a name that no folder can have")
        folder = self._folder / PICTURES / video.name
        folder.mkdir(parents=True)
        frames = []
        for picture, ids in zip(video.pictures, maps, strict=True):
            write_ids(folder / f"{picture.stem}.png", ids)
            frames.append({"file_name": picture.name, "segments_info": _listed(ids, segments)})
        self._listed.append({"video_id": video.name, "annotations": frames})

    def close(self) -> None:
        """Write the list of everything."""
        text = json.dumps({"annotations": self._listed})
        (self._folder / RESULTS).write_text(text, encoding="utf-8")


@contextmanager
def panoptic_folder(path: Path) -> Iterator[PanopticWriter]:
    """Open a folder of results that is written whole or not at all.

    Raises:
        ConfigError: nothing can be written there, or something is there already.
    """
    with whole_folder(path) as folder:
        writer = PanopticWriter(folder)
        yield writer
        writer.close()


def _listed(ids: Ids, segments: Mapping[int, Category]) -> list[dict[str, Any]]:
    """Return the `segments_info` of what a frame shows, boxes as left, top, width, height."""
    infos = []
    for number in np.unique(ids):
        if number == 0:
            continue
        mask = ids == number
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        left, top = int(columns[0]), int(rows[0])
        category = segments[int(number)]
        infos.append(
            {
                "id": int(number),
                "category_id": category.id,
                "isthing": category.thing,
                "iscrowd": 0,
                "area": int(mask.sum()),
                "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
            }
        )
    return infos
