"""Annotated clips to evaluate on: synthetic ones, and folders in the form of YouTube-VIS."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskstream_model.aliases import Bools, Frame, Ints
from maskstream_train.data.classes import same_names
from maskstream_train.data.layouts import annotation_file
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
class Source:
    """Clips to measure on.

    Attributes:
        clips: by rising id.
        num_frames: of all clips.
        categories: category id of each class of the model, in the model's order; None where the
            classes are not the model's, so that only class-agnostic numbers make sense.
    """

    clips: Iterator[AnnotatedClip]
    num_frames: int
    categories: Sequence[int] | None


def open_dataset(path: Path, class_names: Sequence[str], agnostic: bool = False) -> Source:
    """Open a data set in the form of YouTube-VIS by its folder or its file of annotations.

    Args:
        path: a JSON file, or a folder with one; of several the one with "ytvis" in its name.
        class_names: classes of the model.
        agnostic: whether classes are ignored.

    Raises:
        DatasetError: nothing to read there, or broken annotations, or a missing picture.
    """
    reader = open_instances(annotation_file(path, "ytvis"), "ytvis")
    categories = None if agnostic else same_names(reader.categories, class_names)
    num_frames = sum(len(video.pictures) for video in reader.videos)
    return Source(reader_clips(reader, categories), num_frames, categories)


def reader_clips(
    reader: InstanceReader, categories: Sequence[int] | None
) -> Iterator[AnnotatedClip]:
    """Yield the videos of a reader; `categories` is the category id of each class of the model."""
    for index, video in enumerate(reader.annotations.videos):
        labels = [
            0 if categories is None else categories.index(thing.category) for thing in video.objects
        ]
        yield AnnotatedClip(
            id=video.id,
            name=video.name,
            num_frames=len(video.file_names),
            truth_labels=np.array(labels, dtype=np.int64),
            crowd=video.crowd,
            frames=_pairs(reader, index),
        )


def _pairs(reader: InstanceReader, video: int) -> Iterator[tuple[Frame, Bools]]:
    for number in range(len(reader.videos[video].pictures)):
        chosen = reader.read(video, [number])
        yield chosen.frames[0], chosen.masks[0]
