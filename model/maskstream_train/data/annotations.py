"""Reads annotations in the form of COCO, and of YouTube-VIS and OVIS, which extend it to videos.

Format of videos: `videos`, `categories`, `annotations` with one segmentation (RLE, polygons or
null) a frame. Still pictures: `images`, each a video of one frame, and one `segmentation`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.annotated import AnnotatedObject, AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.reading import check_once, entry_name, read_entry, read_json, read_list

OCCLUSION = {"no_occlusion": 0.0, "slight_occlusion": 0.25, "severe_occlusion": 0.75}


Objects = Mapping[int, Sequence[AnnotatedObject]]
"""Annotations by the id of their video."""


def read_annotations(path: Path) -> AnnotatedVideos:
    """Read a file of annotated videos.

    Raises:
        DatasetError: the file cannot be read, or an entry is not what it should be; the text
            names file and entry.
    """
    content = read_json(path)
    _refuse_frames_apart(path, content, read_list(path, content, "videos"))
    return _read(path, content, "videos", "video", _tube, _video)


def read_stills(path: Path) -> AnnotatedVideos:
    """Read a file of annotated pictures; the id of a picture is that of its video.

    Raises:
        DatasetError: as `read_annotations`.
    """
    return _read(path, read_json(path), "images", "picture", _still_object, _still)


def _read(
    path: Path,
    content: Any,
    name: str,
    kind: str,
    part: Callable[[Any, str], AnnotatedObject],
    video: Callable[[Any, Objects], AnnotatedVideo],
) -> AnnotatedVideos:
    """Read the list `name` of `kind`s, and their objects, each by its function; check the whole."""
    raw = read_list(path, content, name)
    categories = _read_categories(path, content)
    objects = _read_objects(path, content, part, categories)
    videos = [
        read_entry(f"{path}: {entry_name(kind, item, index)}", video, item, objects)
        for index, item in enumerate(raw)
    ]
    check_once(path, kind, [one.id for one in videos])
    lost = set(objects) - {one.id for one in videos}
    if lost:
        raise DatasetError(f"{path}: annotations of a {kind} that is not listed: {min(lost)}")
    ordered = tuple(sorted(videos, key=lambda one: one.id))
    return AnnotatedVideos(ordered, categories, annotated=bool(objects))


def _refuse_frames_apart(path: Path, content: Mapping[str, Any], videos: Sequence[Any]) -> None:
    bare = any(isinstance(video, Mapping) and "file_names" not in video for video in videos)
    if bare and "images" in content:
        raise DatasetError(
            f"{path} lists images beside its videos, as CocoVID files of MMTracking do; "
            "in the form of YouTube-VIS each video has its own file_names"
        )


def _read_categories(path: Path, content: Any) -> dict[int, str]:
    pairs = [
        read_entry(f"{path}: {entry_name('category', item, index)}", _category, item)
        for index, item in enumerate(read_list(path, content, "categories"))
    ]
    check_once(path, "category", [number for number, _ in pairs])
    return dict(pairs)


def _read_objects(
    path: Path,
    content: Mapping[str, Any],
    part: Callable[[Any, str], AnnotatedObject],
    categories: Mapping[int, str],
) -> dict[int, list[AnnotatedObject]]:
    """Return the annotations by video; a file of a set for submission has none, or null."""
    objects: dict[int, list[AnnotatedObject]] = {}
    listed = content.get("annotations") is not None
    for index, item in enumerate(read_list(path, content, "annotations") if listed else ()):
        where = f"{path}: {entry_name('annotation', item, index)}"
        thing = read_entry(where, part, item, str(path))
        if thing.category not in categories:
            raise DatasetError(f"{thing.entry} has category {thing.category}, not listed there")
        objects.setdefault(thing.video, []).append(thing)
    check_once(path, "annotation", [thing.id for part in objects.values() for thing in part])
    return objects


def _category(item: Mapping[str, Any]) -> tuple[int, str]:
    return int(item["id"]), str(item["name"])


def _tube(annotation: Mapping[str, Any], source: str) -> AnnotatedObject:
    levels = annotation.get("occlusion")
    return AnnotatedObject(
        category=int(annotation["category_id"]),
        crowd=bool(annotation.get("iscrowd", 0)),
        segmentations=tuple(annotation["segmentations"]),
        areas=tuple(None if area is None else float(area) for area in annotation["areas"]),
        occlusion=None if levels is None else _object_occlusion(levels),
        id=int(annotation["id"]),
        video=int(annotation["video_id"]),
        source=source,
    )


def _object_occlusion(levels: Sequence[str | None]) -> float:
    """Return the mean of the more occluded half of the frames that say a level (OVIS' rule)."""
    given = [level for level in levels if level is not None]
    if unknown := sorted(set(given) - OCCLUSION.keys()):
        raise ValueError(f"no level of occlusion: {unknown[0]}")
    values = sorted((OCCLUSION[level] for level in given), reverse=True)
    return float(np.mean(values[: (len(values) + 1) // 2])) if values else 0.0


def _video(video: Mapping[str, Any], objects: Objects) -> AnnotatedVideo:
    names = tuple(str(name) for name in video["file_names"])
    things = tuple(objects.get(int(video["id"]), ()))
    height, width = int(video["height"]), int(video["width"])
    if not names or height < 1 or width < 1:
        raise ValueError(f"{len(names)} frames of {width}x{height}")
    for thing in things:
        if len(thing.segmentations) != len(names):
            raise ValueError(
                f"{len(thing.segmentations)} segmentations in annotation {thing.id}, "
                f"{len(names)} frames"
            )
    return AnnotatedVideo(int(video["id"]), height, width, names, things)


def _still_object(annotation: Mapping[str, Any], source: str) -> AnnotatedObject:
    return AnnotatedObject(
        category=int(annotation["category_id"]),
        # CVAT writes 1 for every mask that was painted; COCO, where 1 means a crowd, has no
        # attributes.
        crowd=bool(annotation.get("iscrowd", 0)) and "attributes" not in annotation,
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


def _still(image: Mapping[str, Any], objects: Objects) -> AnnotatedVideo:
    number, height, width = int(image["id"]), int(image["height"]), int(image["width"])
    if height < 1 or width < 1:
        raise ValueError(f"{width}x{height}")
    things = tuple(objects.get(number, ()))
    return AnnotatedVideo(number, height, width, (str(image["file_name"]),), things)
