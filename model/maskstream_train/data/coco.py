"""Reads annotated still pictures in the form of COCO instances: each is a video of one frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_train.data.annotated import AnnotatedObject, AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.annotations import gathered, read_categories, read_objects
from maskstream_train.data.reading import entry_name, read_entry, read_json, read_list


def read_stills(path: Path) -> AnnotatedVideos:
    """Read a file of annotated pictures; the id of a picture is that of its video.

    Raises:
        DatasetError: the file cannot be read, or an entry is not what it should be; the text
            names file and entry.
    """
    content = read_json(path)
    raw = read_list(path, content, "images")
    categories = read_categories(path, content)
    objects = read_objects(path, content, _object, categories)
    videos = [
        read_entry(f"{path}: {entry_name('image', item, index)}", _video, item, objects)
        for index, item in enumerate(raw)
    ]
    return gathered(path, videos, categories, objects)


def _object(annotation: Mapping[str, Any], source: str) -> AnnotatedObject:
    return AnnotatedObject(
        category=int(annotation["category_id"]),
        crowd=bool(annotation.get("iscrowd", 0)),
        segmentations=(_compact(annotation["segmentation"]),),
        areas=(float(annotation["area"]),),
        occlusion=None,
        id=int(annotation["id"]),
        video=int(annotation["image_id"]),
        source=source,
    )


def _compact(segmentation: Any) -> Any:
    """Return polygons as arrays, a quarter of the memory of lists: COCO has fifty million numbers.

    Anything else is returned as it is.
    """
    if not isinstance(segmentation, list):
        return segmentation
    return [np.array(polygon, dtype=np.float64) for polygon in segmentation]


def _video(
    image: Mapping[str, Any], objects: Mapping[int, Sequence[AnnotatedObject]]
) -> AnnotatedVideo:
    number, height, width = int(image["id"]), int(image["height"]), int(image["width"])
    if height < 1 or width < 1:
        raise ValueError(f"{width}x{height}")
    things = tuple(objects.get(number, ()))
    return AnnotatedVideo(number, height, width, (str(image["file_name"]),), things)
