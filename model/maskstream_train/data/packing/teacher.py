"""Predictions of a teacher for pictures, made once, offline: boxes, names, scores, masks.

A file holds `{"names": [...], "pictures": [{"file", "width", "height", "objects": [{"name",
"score", "box": [x0, y0, x1, y1], "mask": RLE or null, "mask_class_agrees", "fill"}]}]}`. A mask is
that part of the box whose pixels have the class (any class, where the pixel model does not know
it, and `mask_class_agrees` is false).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools
from maskstream_train.data.reading import read_entry, read_json, read_list
from maskstream_train.data.rle import decode_masks

POSITIVE_SCORE = 0.5
"""Score from which predictions are trusted; places of lower ones are unknown."""
MIN_FILL = 0.15
"""Smallest share of its box that a mask covers; below, the pixel model missed the object."""
MIN_FILL_OF_ANY = 0.4
"""The same for masks of any class."""
MIN_PIXELS = 150
LINK_IOU = 0.4
"""Overlap of boxes on consecutive frames from which they are one object."""


@dataclass(frozen=True)
class TaughtObject:
    """One predicted object: box `(x0, y0, x1, y1)`, mask `(height, width)`."""

    name: str
    score: float
    box: tuple[int, int, int, int]
    mask: Bools
    agrees: bool

    @property
    def accepted(self) -> bool:
        """Whether it is used as an object with this mask."""
        least = MIN_FILL if self.agrees else MIN_FILL_OF_ANY
        x0, y0, x1, y1 = self.box
        pixels = int(self.mask.sum())
        filled = pixels >= least * max((x1 - x0) * (y1 - y0), 1)
        return self.score > POSITIVE_SCORE and filled and pixels >= MIN_PIXELS

    @property
    def inside(self) -> Bools:
        """The box as a mask, `(height, width)`."""
        inside = np.zeros_like(self.mask)
        x0, y0, x1, y1 = self.box
        inside[y0:y1, x0:x1] = True
        return inside


Taught = Mapping[str, Sequence[TaughtObject]]
"""Objects by `key_of` of their picture."""


def key_of(path: Path) -> str:
    """Return the key of a picture: `folder/file`."""
    return f"{path.parent.name}/{path.name}"


def read_labels(files: Sequence[Path]) -> dict[str, list[TaughtObject]]:
    """Read files of labels.

    Raises:
        DatasetError: one is broken.
    """
    taught: dict[str, list[TaughtObject]] = {}
    for path in files:
        for index, item in enumerate(read_list(path, read_json(path), "pictures")):
            key, objects = read_entry(f"{path}: picture {index}", _picture, item)
            taught[key] = objects
    return taught


def _picture(item: Mapping[str, Any]) -> tuple[str, list[TaughtObject]]:
    raw, height, width = item["objects"], int(item["height"]), int(item["width"])
    masks = decode_masks([thing["mask"] for thing in raw], height, width)
    objects = [
        TaughtObject(
            str(thing["name"]),
            float(thing["score"]),
            _box(thing["box"]),
            mask,
            bool(thing["mask_class_agrees"]),
        )
        for thing, mask in zip(raw, masks, strict=True)
    ]
    return key_of(Path(item["file"])), objects


def _box(values: Sequence[int]) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (int(value) for value in values)
    return x0, y0, x1, y1


def by_majority(frames: Sequence[Sequence[TaughtObject]]) -> list[list[TaughtObject]]:
    """Give each object of a video its most frequent name, weighted by score.

    Boxes of consecutive frames that overlap are one object. One on a single frame is not trusted:
    blurred and cut-off things are found so, under any name.
    """
    renamed = [list(objects) for objects in frames]
    for members in _linked(frames):
        votes: dict[str, float] = {}
        for number, row in members:
            thing = frames[number][row]
            votes[thing.name] = votes.get(thing.name, 0.0) + thing.score
        name = max(votes, key=lambda each: votes[each])
        limit = 1.0 if len(members) > 1 else POSITIVE_SCORE
        for number, row in members:
            thing = frames[number][row]
            renamed[number][row] = replace(thing, name=name, score=min(thing.score, limit))
    return renamed


def _linked(frames: Sequence[Sequence[TaughtObject]]) -> list[list[tuple[int, int]]]:
    """Return the objects of a video, each as places `(frame, row)`."""
    groups: list[list[tuple[int, int]]] = []
    before: Sequence[TaughtObject] = ()
    last: list[int] = []  # the group of each row of the frame before
    for number, objects in enumerate(frames):
        current: list[int] = []
        for row, thing in enumerate(objects):
            overlaps = [_box_iou(thing.box, other.box) for other in before]
            best = int(np.argmax(overlaps)) if overlaps else 0
            if overlaps and overlaps[best] >= LINK_IOU and last[best] not in current:
                group = last[best]
            else:
                group = len(groups)
                groups.append([])
            current.append(group)
            groups[group].append((number, row))
        before, last = objects, current
    return groups


def _box_iou(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / max(areas - shared, 1)
