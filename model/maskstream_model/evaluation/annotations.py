"""Reads annotated videos in the COCO-style form of YouTube-VIS and OVIS; masks stay encoded.

Format: `videos`, `categories`, `annotations` with one segmentation (RLE, polygons or null) a frame.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_model.evaluation.matching import Bools, Floats
from maskstream_model.evaluation.rle import decode_masks

OCCLUSION = {"no_occlusion": 0.0, "slight_occlusion": 0.25, "severe_occlusion": 0.75}


@dataclass(frozen=True)
class AnnotatedObject:
    """One true object; `segmentations` has an entry per frame, None where it is not seen.

    `entry` says where it was read, for errors.
    """

    category: int
    crowd: bool
    segmentations: tuple[Any, ...]
    areas: tuple[float | None, ...]
    occlusion: float | None
    entry: str = ""

    @property
    def mean_area(self) -> float:
        """Mean area in pixels over the frames that show the object; 0 where none does."""
        seen = [area for area in self.areas if area]
        return float(np.mean(seen)) if seen else 0.0


@dataclass(frozen=True)
class AnnotatedVideo:
    """One video and its objects; `file_names` are relative to the folder of pictures."""

    id: int
    height: int
    width: int
    file_names: tuple[str, ...]
    objects: tuple[AnnotatedObject, ...]

    @property
    def crowd(self) -> Bools:
        """`(G,)`."""
        return np.array([thing.crowd for thing in self.objects], dtype=bool)

    @property
    def occlusion(self) -> Floats | None:
        """`(G,)`, or None where an object does not say."""
        levels = [thing.occlusion for thing in self.objects]
        if any(level is None for level in levels):
            return None
        return np.array(levels, dtype=np.float64)

    def masks(self, frame: int) -> Bools:
        """Return the true masks `(G, height, width)` of a frame."""
        parts = [thing.segmentations[frame] for thing in self.objects]
        return decode_masks(parts, self.height, self.width)


@dataclass(frozen=True)
class AnnotatedVideos:
    """A file of annotations: videos by rising id, and category names by id."""

    videos: tuple[AnnotatedVideo, ...]
    categories: Mapping[int, str]


def read_annotations(path: Path) -> AnnotatedVideos:
    """Read a file of annotations.

    Raises:
        DatasetError: the file cannot be read, or an entry is not what it should be; the text
            names file and entry.
    """
    content = read_json(path)
    entry = "file"
    try:
        objects: dict[int, list[AnnotatedObject]] = {}
        for annotation in content["annotations"] or ():
            entry = f"annotation {annotation.get('id')}"
            thing = _object(annotation, f"{path}: {entry}")
            objects.setdefault(annotation["video_id"], []).append(thing)
        videos = []
        for video in sorted(content["videos"], key=lambda video: video["id"]):
            entry = f"video {video['id']}"
            videos.append(_video(video, objects.pop(video["id"], [])))
        entry = "categories"
        categories = {int(item["id"]): str(item["name"]) for item in content["categories"]}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DatasetError(f"{path}: {entry} is not as it should be: {error!r}") from error
    if objects:
        raise DatasetError(f"{path}: annotations of a video that is not listed: {min(objects)}")
    _check_categories(videos, categories)
    return AnnotatedVideos(tuple(videos), categories)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DatasetError: it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read as JSON: {error}") from error


def _check_categories(videos: Sequence[AnnotatedVideo], categories: Mapping[int, str]) -> None:
    for video in videos:
        for thing in video.objects:
            if thing.category not in categories:
                raise DatasetError(f"{thing.entry} has category {thing.category}, not listed there")


def _object(annotation: Mapping[str, Any], entry: str) -> AnnotatedObject:
    levels = annotation.get("occlusion")
    return AnnotatedObject(
        category=int(annotation["category_id"]),
        crowd=bool(annotation.get("iscrowd", 0)),
        segmentations=tuple(annotation["segmentations"]),
        areas=tuple(None if area is None else float(area) for area in annotation["areas"]),
        occlusion=None if levels is None else _object_occlusion(levels),
        entry=entry,
    )


def _object_occlusion(levels: Sequence[str | None]) -> float:
    """Return the mean of the more occluded half of the frames that say a level (OVIS' rule)."""
    values = sorted((OCCLUSION[level] for level in levels if level is not None), reverse=True)
    return float(np.mean(values[: (len(values) + 1) // 2])) if values else 0.0


def _video(video: Mapping[str, Any], objects: Sequence[AnnotatedObject]) -> AnnotatedVideo:
    names = tuple(str(name) for name in video["file_names"])
    height, width = int(video["height"]), int(video["width"])
    if not names or height < 1 or width < 1:
        raise ValueError(f"{len(names)} frames of {height}x{width}")
    for thing in objects:
        if len(thing.segmentations) != len(names):
            raise ValueError(f"{len(thing.segmentations)} segmentations, {len(names)} frames")
    return AnnotatedVideo(int(video["id"]), height, width, names, tuple(objects))
