"""Merges masks by people and predictions of the teacher into the objects of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_opening, distance_transform_edt

from maskstream_model.aliases import Bools
from maskstream_train.data.packed import PackedObject
from maskstream_train.data.packing.teacher import MIN_PIXELS, TaughtObject
from maskstream_train.data.rle import encode_rle

OTHER = "other"
ALREADY_MARKED = 0.3
"""Share of a teacher's mask inside of objects by people from which it is dropped as one of them."""
MIN_PART = 0.06
"""Smallest share of a mask of two things that each of them has."""

STRING_PIXELS = 2
"""Parts at most twice as wide are strings, such as those of kites."""


@dataclass(frozen=True)
class Marked:
    """One object before it is encoded."""

    name: str
    certainty: float
    mask: Bools
    exact: bool


def encoded(objects: Sequence[Marked], classes: Sequence[str]) -> tuple[PackedObject, ...]:
    """Return objects with the labels of `classes`; a name that is none of them is "other"."""
    places = {name: place for place, name in enumerate(classes)}
    return tuple(
        PackedObject(
            places.get(thing.name, places[OTHER]),
            round(thing.certainty, 3),
            encode_rle(thing.mask),
            thing.exact,
        )
        for thing in objects
    )


def join(
    marked: Sequence[Marked], taught: Sequence[TaughtObject], doubtful: Bools
) -> tuple[list[Marked], Bools]:
    """Add the trusted predictions of the teacher to the objects by people.

    A pixel has one owner: people before the teacher, then the higher score.

    Args:
        marked: by people.
        taught: by the teacher, on the same picture.
        doubtful: `(height, width)` bool, pixels that are doubtful already.

    Returns:
        All objects, and the doubtful pixels, with the rest of the boxes of the teacher's.
    """
    objects = list(marked)
    owned = np.zeros_like(doubtful)
    for thing in marked:
        owned |= thing.mask
    exact, boxes = owned.copy(), np.zeros_like(doubtful)
    for one in sorted(taught, key=lambda thing: -thing.score):
        inside = (one.mask & exact).sum() > ALREADY_MARKED * max(int(one.mask.sum()), 1)
        free = one.mask & ~owned
        if not one.accepted or inside or free.sum() < MIN_PIXELS:
            continue
        objects.append(Marked(one.name, one.score, free, exact=False))
        owned |= free
        boxes |= one.inside
    return objects, (doubtful | boxes) & ~owned


def split_pair(mask: Bools, names: str, taught: Sequence[TaughtObject]) -> list[Marked] | None:
    """Split a mask that holds a person and another thing, named as in `person+bicycle`.

    Inside of the true mask, a pixel that the teacher gives to one of the two is of that one, any
    other pixel is of the one that is nearer. Where the other thing has no name ("other"), it is
    what is not taught as the person, without strings.

    Returns:
        The two objects, or None where the teacher does not see both. A mask's pixels may be left
        over.
    """
    first, second = names.split("+")
    person = _seen(mask, first, taught)
    other = _seen(mask, second, taught)
    if second == OTHER:
        other = without_strings(mask & ~person)
        mask = person | other
    else:
        person, other = person & ~other, other & ~person
    least = MIN_PART * mask.sum()
    if min(person.sum(), other.sum()) < max(least, MIN_PIXELS / 2):
        return None
    nearer = distance_transform_edt(~person) <= distance_transform_edt(~other)
    parts = ((first, mask & nearer), (second, mask & ~nearer))
    return [Marked(name, 1.0, part, exact=True) for name, part in parts]


def without_strings(mask: Bools) -> Bools:
    """Return a mask without its thin parts."""
    return np.asarray(binary_opening(mask, iterations=STRING_PIXELS), dtype=bool)


def _seen(mask: Bools, name: str, taught: Sequence[TaughtObject]) -> Bools:
    """Return the pixels inside of `mask` that the teacher gives to things of a name."""
    seen = np.zeros_like(mask)
    for thing in taught:
        if thing.name == name and thing.agrees:
            seen |= thing.mask & mask
    return seen
