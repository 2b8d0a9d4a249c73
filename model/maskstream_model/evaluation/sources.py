"""Annotated clips to evaluate on: synthetic ones, and folders in the form of YouTube-VIS."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from maskstream_model.data.seeds import evaluation_seed
from maskstream_model.errors import DatasetError
from maskstream_model.evaluation.annotations import (
    AnnotatedVideo,
    AnnotatedVideos,
    read_annotations,
)
from maskstream_model.evaluation.matching import Bools, Ints
from maskstream_model.interface import Frame

if TYPE_CHECKING:
    from maskstream_model.data.synthetic import SyntheticConfig

PICTURES = ("JPEGImages", "images", ".")
"""Where pictures lie relative to the file of annotations, tried in this order."""

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class AnnotatedClip:
    """One clip with its truth; pictures are made or read as they are asked for.

    Attributes:
        id: number of the video in result files.
        name: for people.
        num_frames: `T`.
        truth_labels: `(G,)` class indices of the model; all 0 where classes are not the model's.
        crowd: `(G,)`.
        frames: `T` pairs of a frame `(height, width, 3)` and true masks `(G, height, width)`.
    """

    id: int
    name: str
    num_frames: int
    truth_labels: Ints
    crowd: Bools
    frames: Iterable[tuple[Frame, Bools]]


def synthetic_clips(config: "SyntheticConfig", number: int, count: int) -> Iterator[AnnotatedClip]:
    """Yield the first `count` clips of evaluation set `number`; training never sees its seed."""
    from maskstream_model.data.synthetic import ClipGenerator

    generator = ClipGenerator(config, evaluation_seed(number))
    for index in range(count):
        clip = generator.clip(index)
        yield AnnotatedClip(
            id=index + 1,
            name=f"synthetic {number}/{index}",
            num_frames=len(clip.frames),
            truth_labels=clip.labels,
            crowd=np.zeros(len(clip.labels), dtype=bool),
            frames=zip(clip.frames, clip.masks, strict=True),
        )


@dataclass(frozen=True)
class Dataset:
    """A data set on disk.

    Attributes:
        annotations: videos and their objects.
        pictures: folder that file names are relative to.
        categories: category id of each class of the model, in the model's order; None where the
            data set's classes are not the model's, so that only class-agnostic numbers make sense.
    """

    annotations: AnnotatedVideos
    pictures: Path
    categories: tuple[int, ...] | None

    def clips(self) -> Iterator[AnnotatedClip]:
        """Yield the videos by rising id."""
        for video in self.annotations.videos:
            yield AnnotatedClip(
                id=video.id,
                name=Path(video.file_names[0]).parent.name or str(video.id),
                num_frames=len(video.file_names),
                truth_labels=self._labels(video),
                crowd=video.crowd,
                frames=_pairs(video, self.pictures),
            )

    def agnostic(self) -> "Dataset":
        """Return the same data with classes left aside."""
        return replace(self, categories=None)

    def _labels(self, video: AnnotatedVideo) -> Ints:
        wanted = [thing.category for thing in video.objects]
        if self.categories is None:
            return np.zeros(len(wanted), dtype=np.int64)
        return np.array([self.categories.index(category) for category in wanted], dtype=np.int64)


def open_dataset(path: Path, class_names: Sequence[str]) -> Dataset:
    """Open a data set by its folder or its file of annotations.

    Args:
        path: a JSON file, or a folder with one; of several the one with "ytvis" in its name.
        class_names: classes of the model.

    Raises:
        DatasetError: nothing to read there, or broken annotations, or a missing picture.
    """
    file = _annotation_file(path)
    annotations = read_annotations(file)
    for folder in PICTURES:
        pictures = file.parent / folder
        if all((pictures / video.file_names[0]).is_file() for video in annotations.videos):
            _check_pictures(annotations, pictures)
            return Dataset(annotations, pictures, _categories(annotations, class_names))
    raise DatasetError(f"the pictures of {file} are not in {', '.join(PICTURES)} beside it")


def _annotation_file(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(path.glob("*.json"))
    if len(files) > 1:
        files = [file for file in files if "ytvis" in file.name] or files
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise DatasetError(f"{path} should hold one annotation file, it has {found}; name the file")
    return files[0]


def _check_pictures(annotations: AnnotatedVideos, pictures: Path) -> None:
    for video in annotations.videos:
        for name in video.file_names:
            if not (pictures / name).is_file():
                raise DatasetError(f"video {video.id} lacks its frame {pictures / name}")


def _categories(annotations: AnnotatedVideos, class_names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the category id of each class, or None where names differ."""
    ids = {name.replace(" ", "_"): key for key, name in annotations.categories.items()}
    names = [name.replace(" ", "_") for name in class_names]
    if set(ids) != set(names):
        return None
    return tuple(ids[name] for name in names)


def _pairs(video: AnnotatedVideo, pictures: Path) -> Iterator[tuple[Frame, Bools]]:
    for index, name in enumerate(video.file_names):
        frame = read_picture(pictures / name)
        if frame.shape[:2] != (video.height, video.width):
            raise DatasetError(f"{name} is not {video.height}x{video.width} as annotated")
        yield frame, video.masks(index)


def read_picture(path: Path) -> Frame:
    """Read a picture as RGB `(height, width, 3)`.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with Image.open(path) as picture:
            return np.array(picture.convert("RGB"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read as a picture: {error}") from error


def frame_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order of their names.

    Raises:
        DatasetError: there are none.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DatasetError(f"{folder} is no folder of pictures ({', '.join(SUFFIXES)})")
    return files
