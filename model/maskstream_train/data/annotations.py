"""Reads annotated videos in the COCO-style form of YouTube-VIS and OVIS.

Format: `videos`, `categories`, `annotations` with one segmentation (RLE, polygons or null) a frame.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.annotated import AnnotatedObject, AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.reading import check_once, entry_name, read_entry, read_json, read_list

OCCLUSION = {"no_occlusion": 0.0, "slight_occlusion": 0.25, "severe_occlusion": 0.75}


def read_annotations(path: Path) -> AnnotatedVideos:
    """Read a file of annotations.

    Raises:
        DatasetError: the file cannot be read, or an entry is not what it should be; the text
            names file and entry.
    """
    content = read_json(path)
    raw = read_list(path, content, "videos")
    _refuse_frames_apart(path, content, raw)
    categories = read_categories(path, content)
    objects = read_objects(path, content, _object, categories)
    videos = [
        read_entry(f"{path}: {entry_name('video', item, index)}", _video, item, objects)
        for index, item in enumerate(raw)
    ]
    return gathered(path, videos, categories, objects)


def _refuse_frames_apart(path: Path, content: Mapping[str, Any], videos: Sequence[Any]) -> None:
    bare = any(isinstance(video, Mapping) and "file_names" not in video for video in videos)
    if bare and "images" in content:
        raise DatasetError(
            f"{path} lists images beside its videos, as CocoVID files of MMTracking do; "
            "in the form of YouTube-VIS each video has its own file_names"
        )


def read_categories(path: Path, content: Any) -> dict[int, str]:
    """Return the names of categories by id.

    Raises:
        DatasetError: one is not as it should be, or there twice.
    """
    pairs = [
        read_entry(f"{path}: {entry_name('category', item, index)}", _category, item)
        for index, item in enumerate(read_list(path, content, "categories"))
    ]
    check_once(path, "category", [number for number, _ in pairs])
    return dict(pairs)


def read_objects(
    path: Path,
    content: Mapping[str, Any],
    part: Callable[[Any, str], AnnotatedObject],
    categories: Mapping[int, str],
) -> dict[int, list[AnnotatedObject]]:
    """Return the annotations of a file by video, each read by `part(annotation, source)`.

    A file of a set for submission has none, or null.

    Raises:
        DatasetError: one is not as it should be, there twice, or of an unknown category.
    """
    objects: dict[int, list[AnnotatedObject]] = {}
    source = str(path)
    listed = content.get("annotations") is not None
    for index, item in enumerate(read_list(path, content, "annotations") if listed else ()):
        where = f"{path}: {entry_name('annotation', item, index)}"
        thing = read_entry(where, part, item, source)
        if thing.category not in categories:
            raise DatasetError(f"{thing.entry} has category {thing.category}, not listed there")
        objects.setdefault(thing.video, []).append(thing)
    check_once(path, "annotation", [thing.id for part in objects.values() for thing in part])
    return objects


def gathered(
    path: Path,
    videos: Sequence[AnnotatedVideo],
    categories: Mapping[int, str],
    objects: Mapping[int, Sequence[AnnotatedObject]],
) -> AnnotatedVideos:
    """Return the content of a file, checked as a whole.

    Raises:
        DatasetError: a video is there twice, or objects belong to none.
    """
    check_once(path, "video", [video.id for video in videos])
    lost = set(objects) - {video.id for video in videos}
    if lost:
        raise DatasetError(f"{path}: annotations of a video that is not listed: {min(lost)}")
    ordered = tuple(sorted(videos, key=lambda video: video.id))
    return AnnotatedVideos(ordered, categories, annotated=bool(objects))


def _category(item: Mapping[str, Any]) -> tuple[int, str]:
    return int(item["id"]), str(item["name"])


def _object(annotation: Mapping[str, Any], source: str) -> AnnotatedObject:
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
    values = sorted((OCCLUSION[level] for level in levels if level is not None), reverse=True)
    return float(np.mean(values[: (len(values) + 1) // 2])) if values else 0.0


def _video(
    video: Mapping[str, Any], objects: Mapping[int, Sequence[AnnotatedObject]]
) -> AnnotatedVideo:
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
