"""Reads videos with sentences that name objects, in the form of Ref-YouTube-VOS.

Ref-DAVIS17 is converted to the same form by its users. Of a split,
`meta_expressions/SPLIT/meta_expressions.json` lists sentences and frames of each video,
`SPLIT/JPEGImages` has the frames, and `SPLIT/Annotations` a picture of object ids for each of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_model.errors import DatasetError
from maskstream_train.data.pictures import check_pictures, opened_picture
from maskstream_train.data.reading import read_entry, read_json
from maskstream_train.data.videos import VideoInfo

FILE = "meta_expressions.json"
PICTURES, TRUTH = "JPEGImages", "Annotations"
VOID = 255
"""The id of pixels that no one is measured on."""
Ids = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Expression:
    """A sentence: its id in its video, its text, and the object that it names, if the file says."""

    id: str
    text: str
    object_id: int | None


@dataclass(frozen=True)
class ReferringVideo:
    """A video and its sentences.

    Attributes:
        info: its frames, those that are listed.
        expressions: in the order of the file.
        truths: picture of object ids of each frame; empty where there are none.
    """

    info: VideoInfo
    expressions: tuple[Expression, ...]
    truths: tuple[Path, ...]

    @property
    def annotated(self) -> bool:
        """Whether there is any truth: pictures, and the object of each sentence."""
        return bool(self.truths) and all(each.object_id is not None for each in self.expressions)

    @property
    def by_object(self) -> dict[int | None, list[int]]:
        """Places of the sentences of each object."""
        places: dict[int | None, list[int]] = {}
        for place, each in enumerate(self.expressions):
            places.setdefault(each.object_id, []).append(place)
        return places


def open_referring(path: Path) -> list[ReferringVideo]:
    """Open a split.

    Args:
        path: its `meta_expressions.json`, or the folder of the split with `JPEGImages` in it.

    Raises:
        DatasetError: nothing to read there, a broken file, or a missing picture.
    """
    file = path if path.is_file() else path.parent / "meta_expressions" / path.name / FILE
    folder = file.parent.parent.parent / file.parent.name
    videos = [
        read_entry(f"{file}: video {name}", _video, name, item, folder)
        for name, item in listed_videos(file).items()
    ]
    check_pictures(video.info for video in videos)
    check_pictures(replace(video.info, pictures=video.truths) for video in videos)
    return [_measured(video) for video in videos]


def listed_videos(file: Path) -> Mapping[str, Any]:
    """Return what a file of sentences says of each video, by name.

    Raises:
        DatasetError: it cannot be read, or lists no videos.
    """
    if not file.is_file():
        raise DatasetError(f"there is no file {file}")
    content = read_json(file)
    videos = content.get("videos") if isinstance(content, Mapping) else None
    if not isinstance(videos, Mapping) or not videos:
        raise DatasetError(f"{file} lists no videos by name, so it is not of Ref-YouTube-VOS")
    return videos


def read_objects(path: Path, size: tuple[int, int]) -> Ids:
    """Read object ids `(height, width)`, 0 for none, from a picture with a palette or in grey.

    Raises:
        DatasetError: it cannot be read, has colours instead of ids, or is not of `size`.
    """
    with opened_picture(path, size) as picture:
        if picture.mode not in ("P", "L", "1"):
            raise DatasetError(f"{path} is {picture.mode}, it should have a palette or be grey")
        return np.asarray(picture).astype(np.uint8)


def _video(name: str, item: Mapping[str, Any], folder: Path) -> ReferringVideo:
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no name of a folder")
    frames = [str(frame) for frame in item["frames"]]
    expressions = tuple(_expression(key, each) for key, each in item["expressions"].items())
    if not frames or not expressions:
        raise ValueError(f"{len(frames)} frames and {len(expressions)} sentences")
    pictures = tuple(folder / PICTURES / name / f"{frame}.jpg" for frame in frames)
    truth = folder / TRUTH / name
    truths = tuple(truth / f"{frame}.png" for frame in frames) if truth.is_dir() else ()
    return ReferringVideo(VideoInfo(name, name, 0, 0, pictures), expressions, truths)


def _expression(key: str, item: Mapping[str, Any]) -> Expression:
    number, text = item.get("obj_id"), " ".join(str(item["exp"]).split())
    if Path(key).name != key or not text:
        raise ValueError(f"sentence {key!r} has no text, or no name of a folder")
    return Expression(key, text, None if number is None else int(number))


def _measured(video: ReferringVideo) -> ReferringVideo:
    """Return a video with the size of its first frame, which every other one must have."""
    with opened_picture(video.info.pictures[0]) as picture:
        info = replace(video.info, height=picture.height, width=picture.width)
    return replace(video, info=info)


def beyond(videos: Sequence[ReferringVideo], others: Path) -> list[ReferringVideo]:
    """Return the videos that another file of sentences does not list.

    Ref-YouTube-VOS lists the videos of its test set under those for validation too.
    """
    known = listed_videos(others)
    return [video for video in videos if video.info.name not in known]
