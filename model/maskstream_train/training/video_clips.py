"""Batches of clips from annotated videos and pictures by step number: any step can be made again.

Pictures become clips of one picture whose frames are turned a little more each (docs/model.md 6.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from maskstream_model.aliases import Ints
from maskstream_model.errors import DatasetError
from maskstream_model.tasks.preprocess import DIVISOR
from maskstream_train.data.classes import match_classes
from maskstream_train.data.synthetic import Clip
from maskstream_train.data.videos import AnnotatedFrames, Category, VideoDataset
from maskstream_train.training.augmentation import draw_transform, transform_clip
from maskstream_train.training.clip_sampling import frame_numbers, place_of
from maskstream_train.training.distribution import Share
from maskstream_train.training.targets import ClipBatch, collate
from maskstream_train.training.video_plan import VideoPlan

UNKNOWN = -1
MAX_TRIES = 50
"""Clips that may show nothing, one after the other."""


@dataclass(frozen=True)
class Opened:
    """A reader with the class of each of its categories, `UNKNOWN` where the model has none.

    `still`: its videos are still pictures, whose frames are turned to make a clip.
    """

    name: str
    reader: VideoDataset
    classes: Ints
    still: bool = False


def open_sources(plan: VideoPlan) -> list[Opened]:
    """Open videos and pictures of a plan.

    Raises:
        DatasetError: no data set, an empty or broken one, or one whose categories do not fit.
    """
    if plan.videos is None:
        raise DatasetError(f"{plan.model} is trained on a data set: give its folder")
    reader = plan.videos.open()
    try:
        ids = match_classes(reader.categories, plan.classes, plan.model, ordered=True)
    except DatasetError as error:
        raise DatasetError(f"{plan.videos.name}: {error}") from None
    places = [ids.index(category.id) for category in reader.categories]
    still = plan.videos.form == "coco"
    opened = [Opened(plan.videos.name, reader, np.array(places, np.int64), still)]
    if plan.pictures is not None:
        reader = plan.pictures.open()
        classes = picture_classes(reader.categories, plan)
        opened.append(Opened(plan.pictures.name, reader, classes, still=True))
    return opened


def picture_classes(categories: Sequence[Category], plan: VideoPlan) -> Ints:
    """Return the class number of each category of pictures, `UNKNOWN` where it is left out.

    Raises:
        DatasetError: all of them are.
    """
    numbers = {item.name: number for number, item in enumerate(plan.classes)}
    names = [plan.picture_classes.get(category.name, "") for category in categories]
    found = np.array([numbers.get(name, UNKNOWN) for name in names], np.int64)
    if (found == UNKNOWN).all():
        raise DatasetError(f"no category of the pictures is a class of {plan.model}")
    return found


class VideoClips(Dataset[ClipBatch]):
    """Batch number `index` of a plan, or this process's share of it."""

    def __init__(self, plan: VideoPlan, share: Share | None = None) -> None:
        self._plan, self._share = plan, share or Share()
        self._opened: list[Opened] = []

    def __reduce__(self) -> tuple[type["VideoClips"], tuple[VideoPlan, Share]]:
        """Pickle without the readers, which every process opens for itself."""
        return type(self), (self._plan, self._share)

    def open(self) -> list[Opened]:
        """Open the data sets, once in this process.

        Raises:
            DatasetError: see `open_sources`.
        """
        self._opened = self._opened or open_sources(self._plan)
        return self._opened

    def __getitem__(self, index: int) -> ClipBatch:
        """Make batch `index`; equal numbers give equal batches in every process.

        Raises:
            DatasetError: a file is missing or broken.
        """
        first = index * self._plan.batch_size
        rows = self._share.of(self._plan.batch_size)
        return collate([self.clip(first + row) for row in rows], DIVISOR)

    def clip(self, position: int) -> Clip:
        """Make clip number `position` of the run.

        Raises:
            DatasetError: as above.
        """
        plan, sources = self._plan, self.open()
        draw = np.random.default_rng([plan.seed, position, 2])
        lengths = [len(opened.reader.videos) for opened in sources]
        number, video = place_of(position, lengths, plan.seed)
        opened = sources[number]
        shown = self._read(opened, video, draw)
        size = shown.frames.shape[1], shown.frames.shape[2]
        change = draw_transform(plan.augmentation, size, len(shown.frames) * opened.still, draw)
        frames, masks = transform_clip(shown.frames, shown.masks, change)
        seen = masks.any(axis=(0, 2, 3))
        return Clip(frames, masks[:, seen], shown.labels[seen])

    def _read(self, opened: Opened, video: int, draw: np.random.Generator) -> AnnotatedFrames:
        """Read a clip; one that shows nothing to learn is replaced by another, drawn one.

        Raises:
            DatasetError: they all show nothing, as where annotations are kept secret.
        """
        for _ in range(MAX_TRIES):
            length = len(opened.reader.videos[video].pictures)
            numbers = frame_numbers(length, self._plan.sampling, draw)
            shown = taught(opened.reader.read(video, numbers), opened.classes)
            if shown.masks.any():
                return shown
            video = int(draw.integers(len(opened.reader.videos)))
        raise DatasetError(f"{opened.name}: {MAX_TRIES} clips in a row show nothing to learn from")


def taught(shown: AnnotatedFrames, classes: Ints) -> AnnotatedFrames:
    """Return the objects that the model is to learn, with its class numbers: no crowds."""
    labels = classes[shown.labels]
    keep = (labels != UNKNOWN) & ~shown.crowd
    return AnnotatedFrames(
        shown.frames, shown.masks[:, keep], labels[keep], shown.ids[keep], shown.crowd[keep]
    )
