"""Batches of clips from annotated videos and pictures by step number: any step can be made again.

Pictures become clips of one picture whose frames are turned a little more each (SPEC.md 6.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from maskstream_model.data.synthetic import Clip
from maskstream_model.data.videos import AnnotatedFrames, Category, Ints, VideoReader
from maskstream_model.errors import DatasetError
from maskstream_model.tasks.preprocess import DIVISOR
from maskstream_model.training.augmentation import draw_transform, transform_clip
from maskstream_model.training.clip_sampling import frame_numbers, place_of
from maskstream_model.training.distribution import Share
from maskstream_model.training.targets import ClipBatch, collate
from maskstream_model.training.video_plan import VideoPlan

UNKNOWN = -1
MAX_TRIES = 20
SPELLINGS = {"vehical": "vehicle"}
"""Names that data sets spell in their own way (OVIS)."""


@dataclass(frozen=True)
class Opened:
    """A reader with the class of each of its categories, `UNKNOWN` where the model has none."""

    reader: VideoReader
    classes: Ints


def open_sources(plan: VideoPlan) -> list[Opened]:
    """Open videos and pictures of a plan.

    Raises:
        DatasetError: no data set, an empty or broken one, or one whose categories do not fit.
    """
    if plan.videos is None:
        raise DatasetError("this preset is trained on a data set: give its folder")
    opened = []
    for source in plan.sources:
        reader = source.open()
        if not reader.videos:
            raise DatasetError(f"{source.name} holds nothing to learn from")
        named = plan.picture_classes if source is plan.pictures else None
        opened.append(
            Opened(reader, classes_of(reader.categories, plan.classes, named, source.name))
        )
    return opened


def classes_of(
    categories: Sequence[Category],
    classes: Sequence[str],
    named: Mapping[str, str] | None,
    where: str,
) -> Ints:
    """Return the class number of each category, by name.

    Args:
        categories: of a data set.
        classes: names of the model's classes.
        named: the class of each category that is wanted; None where all have to be classes.
        where: the data set, for the error.

    Raises:
        DatasetError: a category is no class, or none of the wanted ones is there.
    """
    numbers = {_plain(name): number for number, name in enumerate(classes)}
    plain = [_plain(category.name) for category in categories]
    wanted = [name if named is None else named.get(name, "") for name in plain]
    found = np.array([numbers.get(name, UNKNOWN) for name in wanted], np.int64)
    strangers = [c.name for c, number in zip(categories, found, strict=True) if number == UNKNOWN]
    if strangers and (named is None or len(strangers) == len(categories)):
        raise DatasetError(
            f"{where}: {len(strangers)} of {len(categories)} categories are no classes of this "
            f"model, the first is {strangers[0]!r}"
        )
    return found


def _plain(name: str) -> str:
    name = name.lower().replace(" ", "_").replace("-", "_")
    return SPELLINGS.get(name, name)


class VideoClips(Dataset[ClipBatch]):
    """Batch number `index` of a plan, or this process's share of it."""

    def __init__(self, plan: VideoPlan, share: Share | None = None) -> None:
        self._plan, self._share = plan, share or Share()
        self._opened: list[Opened] = []

    def __reduce__(self) -> tuple[type["VideoClips"], tuple[VideoPlan, Share]]:
        """Pickle without the readers, which every process opens for itself."""
        return type(self), (self._plan, self._share)

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
        plan = self._plan
        self._opened = self._opened or open_sources(plan)
        draw = np.random.default_rng([plan.seed, position, 2])
        lengths = [len(opened.reader.videos) for opened in self._opened]
        number, video = place_of(position, lengths, plan.seed)
        opened, still = self._opened[number], number == 1
        shown = self._read(opened, video, still, draw)
        size = shown.frames.shape[1], shown.frames.shape[2]
        change = draw_transform(plan.augmentation, size, len(shown.frames) * still, draw)
        frames, masks = transform_clip(shown.frames, shown.masks, change)
        seen = masks.any(axis=(0, 2, 3))
        return Clip(frames, masks[:, seen], shown.labels[seen])

    def _read(
        self, opened: Opened, video: int, still: bool, draw: np.random.Generator
    ) -> AnnotatedFrames:
        """Read a clip; one that shows nothing to learn is replaced by another, drawn one."""
        for _ in range(MAX_TRIES):
            length = len(opened.reader.videos[video].pictures)
            numbers = frame_numbers(length, self._plan.sampling, draw)
            # A still picture is read once and shown `T` times.
            shown = taught(opened.reader.read(video, [0] if still else numbers), opened.classes)
            if still:
                shown = _repeated(shown, len(numbers))
            if shown.masks.any():
                break
            video = int(draw.integers(len(opened.reader.videos)))
        return shown


def taught(shown: AnnotatedFrames, classes: Ints) -> AnnotatedFrames:
    """Return the objects that the model is to learn, with its class numbers: no crowds."""
    labels = classes[shown.labels]
    keep = (labels != UNKNOWN) & ~shown.crowd
    return AnnotatedFrames(
        shown.frames, shown.masks[:, keep], labels[keep], shown.ids[keep], shown.crowd[keep]
    )


def _repeated(shown: AnnotatedFrames, times: int) -> AnnotatedFrames:
    return AnnotatedFrames(
        shown.frames.repeat(times, 0),
        shown.masks.repeat(times, 0),
        shown.labels,
        shown.ids,
        shown.crowd,
    )
