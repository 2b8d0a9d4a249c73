"""Reads the JSON of panoptic videos, true or predicted, in the form of VIPSeg.

Format: `annotations` with a list of frames per video, each with its `segments_info`; the truth adds
`videos` with the sizes of their `images`, and `categories`. Segments are read when asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_model.evaluation.annotations import read_json
from maskstream_model.evaluation.panoptic.counts import MAX_ID, Category, SegmentTable

Value = TypeVar("Value")
Inputs = ParamSpec("Inputs")

MAX_AREA = 2**40
"""Pixels; sums of such areas stay exact."""


@dataclass(frozen=True)
class PanopticEntries:
    """What a file says of each video: raw entries of frames, by the name of the video."""

    path: Path
    frames: Mapping[str, Sequence[Any]]

    def file_stem(self, video: str, frame: int) -> str:
        """Return the name of a frame's picture without its ending."""
        where = f"{self.path}: video {video}, frame {frame}"
        return _read(where, _stem, self.frames[video][frame])

    def segments(
        self, video: str, frame: int, classes: Mapping[int, int], areas: bool
    ) -> SegmentTable:
        """Return the segments that are listed for a frame.

        Args:
            video: its name.
            frame: position in the video.
            classes: index by category id.
            areas: whether areas must be told; otherwise they are 0, to be counted.

        Raises:
            DatasetError: an entry that is not what it should be, or of an unknown category.
        """
        where = f"{self.path}: video {video}, frame {frame}"
        items = _read(where, _listed, self.frames[video][frame], "segments_info")
        rows = [_read(f"{where}, segment {i}", _row, r, areas) for i, r in enumerate(items)]
        for number, category, _, _ in rows:
            if category not in classes:
                raise DatasetError(f"{where}: segment {number} has unknown category {category}")
        ids = [row[0] for row in rows]
        if len(set(ids)) != len(ids):
            raise DatasetError(f"{where}: an id is listed twice: {max(ids, key=ids.count)}")
        return SegmentTable(
            np.full(len(rows), frame, dtype=np.int64),
            np.array(ids, dtype=np.int64),
            np.array([classes[row[1]] for row in rows], dtype=np.int64),
            np.array([row[2] for row in rows], dtype=bool),
            np.array([row[3] for row in rows], dtype=np.int64),
        )


@dataclass(frozen=True)
class PanopticTruth:
    """The file of the truth.

    Attributes:
        entries: frames by video.
        categories: in the order of the file.
        sizes: `(height, width)` of every frame, by video in the order of the file.
    """

    entries: PanopticEntries
    categories: tuple[Category, ...]
    sizes: Mapping[str, Sequence[tuple[int, int]]]


def read_truth(path: Path) -> PanopticTruth:
    """Read the true videos.

    Raises:
        DatasetError: the file cannot be read, or an entry is not what it should be.
    """
    content = read_json(path)
    entries = _entries(path, content)
    raw = _read(f"{path}: categories", _listed, content, "categories")
    videos = _read(f"{path}: videos", _listed, content, "videos")
    categories = [_read(f"{path}: category {i}", _category, item) for i, item in enumerate(raw)]
    sizes = dict(_read(f"{path}: video {i}", _sizes, item) for i, item in enumerate(videos))
    for name, frames in sizes.items():
        listed = len(entries.frames.get(name, ()))
        if listed != len(frames) or not listed:
            raise DatasetError(f"{path}: video {name} has {len(frames)} images, {listed} annotated")
    return PanopticTruth(entries, tuple(categories), sizes)


def read_predictions(path: Path, truth: PanopticTruth) -> PanopticEntries:
    """Read the predicted videos, which must be those of `truth`.

    Raises:
        DatasetError: the file cannot be read, or videos are missing, unknown or of other length.
    """
    entries = _entries(path, read_json(path))
    for name in entries.frames:
        if name not in truth.sizes:
            raise DatasetError(f"{path}: video {name} is not listed in {truth.entries.path}")
    for name, sizes in truth.sizes.items():
        if name not in entries.frames:
            raise DatasetError(f"{path}: video {name} is missing")
        if len(entries.frames[name]) != len(sizes):
            listed = len(entries.frames[name])
            raise DatasetError(f"{path}: video {name} has {listed} of {len(sizes)} frames")
    return entries


def _entries(path: Path, content: Any) -> PanopticEntries:
    videos = _read(f"{path}: annotations", _listed, content, "annotations")
    frames: dict[str, Sequence[Any]] = {}
    for index, item in enumerate(videos):
        name, listed = _read(f"{path}: annotation {index}", _frames, item)
        if name in frames:
            raise DatasetError(f"{path}: video {name} is annotated twice")
        frames[name] = listed
    return PanopticEntries(path, frames)


def _listed(item: Any, name: str) -> list[Any]:
    return list(item[name])


def _stem(item: Any) -> str:
    return Path(str(item["file_name"])).stem


def _frames(item: Any) -> tuple[str, Sequence[Any]]:
    return str(item["video_id"]), tuple(item["annotations"])


def _sizes(item: Any) -> tuple[str, Sequence[tuple[int, int]]]:
    sizes = [(int(image["height"]), int(image["width"])) for image in item["images"]]
    return str(item["video_id"]), sizes


def _category(item: Any) -> Category:
    return Category(int(item["id"]), str(item["name"]), bool(item["isthing"]))


def _row(item: Any, areas: bool) -> tuple[int, int, bool, int]:
    """Return id, category, crowd and area of a segment."""
    number, area = int(item["id"]), int(item["area"]) if areas else 0
    if not 0 < number <= MAX_ID or not 0 <= area <= MAX_AREA:
        raise ValueError(f"id {number}, area {area}")
    return number, int(item["category_id"]), bool(item.get("iscrowd", 0)), area


def _read(
    where: str, part: Callable[Inputs, Value], *args: Inputs.args, **kwargs: Inputs.kwargs
) -> Value:
    """Return what `part` reads; what it stumbles over becomes one sentence that names `where`."""
    try:
        return part(*args, **kwargs)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DatasetError(f"{where} is not as it should be: {error!r}") from error
