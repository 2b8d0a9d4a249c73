"""Annotated clips to evaluate on: synthetic ones, and folders in the form of YouTube-VIS."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskstream_model.aliases import Bools, Frame, Ints
from maskstream_model.errors import DatasetError
from maskstream_train.data.annotated import AnnotatedVideo
from maskstream_train.data.classes import same_names
from maskstream_train.data.layouts import annotation_file
from maskstream_train.data.pictures import ENDINGS
from maskstream_train.data.readers import open_instances
from maskstream_train.data.seeds import evaluation_seed
from maskstream_train.data.ytvis import InstanceReader

if TYPE_CHECKING:
    from maskstream_train.data.synthetic import SyntheticConfig


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
    from maskstream_train.data.synthetic import ClipGenerator

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
        reader: of its videos and their objects.
        categories: category id of each class of the model, in the model's order; None where the
            data set's classes are not the model's, so that only class-agnostic numbers make sense.
    """

    reader: InstanceReader
    categories: tuple[int, ...] | None

    @property
    def num_frames(self) -> int:
        """Frames of all videos."""
        return sum(len(video.pictures) for video in self.reader.videos)

    def clips(self) -> Iterator[AnnotatedClip]:
        """Yield the videos by rising id."""
        for index, video in enumerate(self.reader.annotations.videos):
            yield AnnotatedClip(
                id=video.id,
                name=video.name,
                num_frames=len(video.file_names),
                truth_labels=self._labels(video),
                crowd=video.crowd,
                frames=_pairs(self.reader, index),
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
    """Open a data set in the form of YouTube-VIS by its folder or its file of annotations.

    Args:
        path: a JSON file, or a folder with one; of several the one with "ytvis" in its name.
        class_names: classes of the model.

    Raises:
        DatasetError: nothing to read there, or broken annotations, or a missing picture.
    """
    reader = open_instances(annotation_file(path, "ytvis"), "ytvis")
    return Dataset(reader, same_names(reader.categories, class_names))


def _pairs(reader: InstanceReader, video: int) -> Iterator[tuple[Frame, Bools]]:
    for number in range(len(reader.videos[video].pictures)):
        chosen = reader.read(video, [number])
        yield chosen.frames[0], chosen.masks[0]


def frame_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order of their names.

    Raises:
        DatasetError: there are none.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS)
    if not files:
        raise DatasetError(f"{folder} is no folder of pictures ({', '.join(ENDINGS)})")
    return files
