"""Named cut-outs of packed pictures: objects by class, and what is beside them.

Rare classes are drawn more often than their share. Backgrounds come from complete pictures only:
elsewhere an object that nobody marked may stand in them.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.packed import KNOWN, PackedFrame, PackedPictures
from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.cutouts import (
    CutoutFrame,
    CutoutSequence,
    cut_out,
    is_cut_by_border,
    object_free_crop,
)

CERTAIN = 0.7
"""Least certainty of the label of a cut-out."""
MIN_PIXELS = 500
MAX_RUN = 8
"""Frames of a cut-out from a video."""
MAX_TRIES = 30
KEPT = 2000
"""Cut-outs, and backgrounds, that stay in memory."""
POWER = 0.3
"""A class is drawn by its number of cut-outs to this power."""


@dataclass(frozen=True)
class Place:
    """Where a cut-out is found: one object on consecutive pictures, `(picture, object)` each."""

    label: int
    seen: tuple[tuple[int, int], ...]


class PackedCutouts:
    """Cut-outs of one file; pixels are read when they are drawn."""

    def __init__(self, path: Path) -> None:
        """List what may be cut out.

        Raises:
            DatasetError: another kind of file, or one without a certain object.
        """
        self._pictures = PackedPictures(path, "training")
        by_label: dict[int, list[Place]] = defaultdict(list)
        for place in _places(self._pictures):
            by_label[place.label].append(place)
        if not by_label:
            raise DatasetError(f"{path} has no object of a certain class")
        self._places = [by_label[label] for label in sorted(by_label)]
        counts = np.array([len(places) for places in self._places], float) ** POWER
        self._chances = counts / counts.sum()
        self._complete = [n for n, one in enumerate(self._pictures.pictures) if one.complete]
        self._sequence = lru_cache(KEPT)(self._cut)
        self._background = lru_cache(KEPT)(self._free)

    def draw(self, rng: np.random.Generator) -> CutoutSequence:
        """Draw a class, then one of its objects that is seen whole.

        Raises:
            DatasetError: a picture is broken, or none of the drawn objects is seen whole.
        """
        for _ in range(MAX_TRIES):
            places = self._places[int(rng.choice(len(self._places), p=self._chances))]
            sequence = self._sequence(places[int(rng.integers(len(places)))])
            if sequence.frames:
                return sequence
        raise DatasetError(f"{MAX_TRIES} cut-outs in a row are small or cut by the border")

    def draw_background(self, rng: np.random.Generator) -> Image | None:
        """Draw a piece of a complete picture beside its objects; None where there is none."""
        if not self._complete:
            return None
        return self._background(self._complete[int(rng.integers(len(self._complete)))])

    def _cut(self, place: Place) -> CutoutSequence:
        """Cut out the first frames that show the object whole; maybe none."""
        frames: list[CutoutFrame] = []
        for picture, item in place.seen:
            shown = self._pictures.read(picture)
            mask = np.where(shown.masks[item], 255, 0).astype(np.uint8)
            if not is_cut_by_border(mask) and (mask > 0).sum() >= MIN_PIXELS:
                frames.append(cut_out(shown.frame, mask))
            elif frames:
                break
            if len(frames) == MAX_RUN:
                break
        return CutoutSequence("", place.label, tuple(frames), ())

    def _free(self, picture: int) -> Image | None:
        shown = self._pictures.read(picture)
        return object_free_crop(shown.frame, _taken(shown))


def _taken(shown: PackedFrame) -> Image:
    taken = shown.masks.any(axis=0) | (shown.ignored != KNOWN)
    return np.where(taken, 255, 0).astype(np.uint8)


def _places(pictures: PackedPictures) -> list[Place]:
    """List objects of certain classes: of stills each, of videos those alone of their class."""
    places: list[Place] = []
    videos: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for number, picture in enumerate(pictures.pictures):
        labels = [thing.label for thing in picture.objects]
        for item, thing in enumerate(picture.objects):
            if thing.certainty < CERTAIN:
                continue
            if not picture.sequence:
                places.append(Place(thing.label, ((number, item),)))
            elif labels.count(thing.label) == 1:
                videos[picture.sequence, thing.label].append((number, item))
    for (_, label), seen in sorted(videos.items()):
        places += [Place(label, run) for run in _runs(seen)]
    return places


def _runs(seen: list[tuple[int, int]]) -> list[tuple[tuple[int, int], ...]]:
    """Cut a video into runs of consecutive pictures, at most `MAX_RUN` each."""
    runs = [[seen[0]]]
    for before, after in pairwise(seen):
        if after[0] == before[0] + 1 and len(runs[-1]) < MAX_RUN:
            runs[-1].append(after)
        else:
            runs.append([after])
    return [tuple(run) for run in runs]
