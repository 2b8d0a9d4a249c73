"""Reads panoptic videos in the form of VIPSeg: JSON that lists segments, pictures of their ids.

Format: `annotations` with a list of frames per video, each with its `segments_info`; the truth adds
`videos` with the sizes of their `images`, and `categories`. Segments are read when asked for.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.pictures import opened_picture
from maskstream_train.data.reading import check_once, read_entry, read_json, read_list
from maskstream_train.data.videos import Category

Ids = npt.NDArray[np.int32]

MAX_ID = 2**24 - 1
"""Segment ids fill the three bytes of an RGB pixel; 0 is void."""

MAX_AREA = 2**40
"""Pixels; sums of such areas stay exact."""


@dataclass(frozen=True)
class SegmentInfo:
    """One line of a frame's `segments_info`; `area` is 0 where it was not asked for."""

    id: int
    category: int
    crowd: bool
    area: int


@dataclass(frozen=True)
class PanopticEntries:
    """What a file says of each video: raw entries of frames, by the name of the video."""

    path: Path
    frames: Mapping[str, Sequence[Any]]

    def place(self, video: str, frame: int) -> str:
        """Return where a frame is listed, for errors."""
        return f"{self.path}: video {video}, frame {frame}"

    def file_stem(self, video: str, frame: int) -> str:
        """Return the name of a frame's picture without its ending."""
        return read_entry(self.place(video, frame), _stem, self.frames[video][frame])

    def segments(
        self, video: str, frame: int, known: Container[int], areas: bool = False
    ) -> list[SegmentInfo]:
        """Return the segments that are listed for a frame.

        Args:
            video: its name.
            frame: position in the video.
            known: ids of the categories.
            areas: whether areas are required.

        Raises:
            DatasetError: an entry that is not what it should be, or of an unknown category.
        """
        where = self.place(video, frame)
        items = read_entry(where, _listed, self.frames[video][frame], "segments_info")
        rows = [
            read_entry(f"{where}, segment {index}", _segment, item, areas)
            for index, item in enumerate(items)
        ]
        for row in rows:
            if row.category not in known:
                raise DatasetError(f"{where}: segment {row.id} has unknown category {row.category}")
        ids = [row.id for row in rows]
        if len(set(ids)) != len(ids):
            raise DatasetError(f"{where}: an id is listed twice: {max(ids, key=ids.count)}")
        return rows


@dataclass(frozen=True)
class PanopticImage:
    """A frame of the truth: name of its picture, and its size in pixels."""

    file_name: str
    height: int
    width: int


@dataclass(frozen=True)
class PanopticTruth:
    """The file of the truth.

    Attributes:
        entries: frames by video; none of a set that is not annotated.
        categories: in the order of the file.
        images: of every frame, by video in the order of the file.
    """

    entries: PanopticEntries
    categories: tuple[Category, ...]
    images: Mapping[str, Sequence[PanopticImage]]

    @property
    def annotated(self) -> bool:
        """False for a file of videos alone."""
        return bool(self.entries.frames)


def read_truth(path: Path) -> PanopticTruth:
    """Read the true videos.

    Raises:
        DatasetError: the file cannot be read, or an entry is not what it should be.
    """
    content = read_json(path)
    videos, raw = (read_list(path, content, name) for name in ("videos", "categories"))
    if any(isinstance(video, Mapping) and "images" not in video for video in videos):
        raise DatasetError(f"{path} has videos without images, so it is not of the form of VIPSeg")
    bare = content.get("annotations") is None
    entries = PanopticEntries(path, {}) if bare else read_entries(path, content)
    categories = [
        read_entry(f"{path}: category {i}", _category, item) for i, item in enumerate(raw)
    ]
    check_once(path, "category", [item.id for item in categories])
    named = [read_entry(f"{path}: video {i}", _images, item) for i, item in enumerate(videos)]
    check_once(path, "video", [name for name, _ in named])
    for name, images in named:
        listed = len(entries.frames.get(name, ()))
        if (listed != len(images) and not bare) or not images:
            raise DatasetError(f"{path}: video {name} has {len(images)} images, {listed} annotated")
    return PanopticTruth(entries, tuple(categories), dict(named))


def read_entries(path: Path, content: Any) -> PanopticEntries:
    """Read the `annotations` of a file.

    Raises:
        DatasetError: an entry is not what it should be, or a video is there twice.
    """
    frames: dict[str, Sequence[Any]] = {}
    for index, item in enumerate(read_list(path, content, "annotations")):
        name, listed = read_entry(f"{path}: annotation {index}", _frames, item)
        if name in frames:
            raise DatasetError(f"{path}: video {name} is annotated twice")
        frames[name] = listed
    return PanopticEntries(path, frames)


def read_ids(path: Path, size: tuple[int, int]) -> Ids:
    """Read segment ids `(height, width)`, R + 256 G + 65536 B, from an RGB picture.

    Raises:
        DatasetError: it cannot be read, is not RGB, or not of `size` (height, width).
    """
    with opened_picture(path, size) as picture:
        if picture.mode != "RGB":
            raise DatasetError(f"{path} is {picture.mode}, it should be RGB")
        pixels = np.asarray(picture).astype(np.int32)
    return np.asarray(pixels[..., 0] | pixels[..., 1] << 8 | pixels[..., 2] << 16)


def write_ids(path: Path, ids: Ids) -> None:
    """Write segment ids `(height, width)`, 0 to `MAX_ID`, as an RGB picture for `read_ids`."""
    pixels = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=-1)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def _listed(item: Any, name: str) -> list[Any]:
    return list(item[name])


def _stem(item: Any) -> str:
    return Path(str(item["file_name"])).stem


def _frames(item: Any) -> tuple[str, Sequence[Any]]:
    return str(item["video_id"]), tuple(item["annotations"])


def _images(item: Any) -> tuple[str, Sequence[PanopticImage]]:
    images = [
        PanopticImage(str(image["file_name"]), int(image["height"]), int(image["width"]))
        for image in item["images"]
    ]
    return str(item["video_id"]), images


def _category(item: Any) -> Category:
    return Category(int(item["id"]), str(item["name"]), bool(item["isthing"]))


def _segment(item: Any, areas: bool) -> SegmentInfo:
    number, area = int(item["id"]), int(item["area"]) if areas else 0
    if not 0 < number <= MAX_ID or not 0 <= area <= MAX_AREA:
        raise ValueError(f"id {number}, area {area}")
    return SegmentInfo(number, int(item["category_id"]), bool(item.get("iscrowd", 0)), area)
