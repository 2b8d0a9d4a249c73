"""Look-alikes: a cut-out that passes an object of its class in a clip of a still picture.

The two differ in where they were, and hardly in how they look.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from maskstream_model.aliases import Bools, Floats, Frame
from maskstream_train.data.packed import KNOWN, PackedPictures
from maskstream_train.data.packed_clips import PackedClip
from maskstream_train.data.synthetic.cutouts import is_cut_by_border

MARGIN = 2
"""Pixels around a cut-out."""
SOFTNESS = 0.7
"""Radius in pixels over which its outline fades."""
GROWTH = 0.12
"""Deviation of the logarithm of its size, compared with the object that it passes."""
CERTAIN = 0.7
"""Least certainty of the label of what is passed or passes."""
MIN_SHARE = 0.006
"""Least share of its picture that it covers."""
ITSELF_SHARE = 0.5
"""Share of look-alikes that are the very object that they pass."""


@dataclass(frozen=True)
class Likeness:
    """An object cut out of its picture: pixels `(h, w, 3)`, opacity `(h, w)` 0 to 1."""

    pixels: Frame
    opacity: Floats

    def resized(self, height: int, mirrored: bool) -> "Likeness":
        """Return it at another height, maybe mirrored."""
        rows, columns = self.opacity.shape
        size = max(1, round(columns * height / rows)), max(1, height)
        pixels = np.asarray(Image.fromarray(self.pixels).resize(size, Image.Resampling.BILINEAR))
        plane = Image.fromarray(self.opacity.astype(np.float32))
        opacity = np.asarray(plane.resize(size, Image.Resampling.BILINEAR), np.float64)
        step = -1 if mirrored else 1
        return Likeness(pixels[:, ::step], opacity[:, ::step])


@dataclass(frozen=True)
class Passing:
    """How a look-alike goes past an object; lengths in pixels.

    Attributes:
        height: of the cut-out.
        mirrored: left and right are exchanged.
        places: `(T, 2)` of its middle, `(y, x)`.
        in_front: of the object, otherwise behind; of others it is in front.
    """

    height: int
    mirrored: bool
    places: Floats
    in_front: bool


class Lookalikes:
    """Draws look-alikes out of a file of packed pictures."""

    def __init__(self, pictures: PackedPictures) -> None:
        """List the objects of certain classes."""
        self._pictures = pictures
        self._places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, picture in enumerate(pictures.pictures):
            for item, thing in enumerate(picture.objects):
                if thing.certainty >= CERTAIN:
                    self._places[thing.label].append((number, item))

    def added(self, shown: PackedClip, draw: np.random.Generator) -> PackedClip:
        """Return a clip in which a look-alike passes an object that is seen whole, if one is.

        Raises:
            DatasetError: the picture of the look-alike is broken.
        """
        whole = [
            item
            for item, mask in enumerate(shown.masks[0])
            if shown.certainties[item] >= CERTAIN and is_whole(mask)
        ]
        if not whole:
            return shown
        item = int(draw.choice(whole))
        mask = shown.masks[0, item]
        likeness = None
        if draw.random() >= ITSELF_SHARE:
            likeness = self._of_class(int(shown.labels[item]), draw)
        likeness = likeness or cut_likeness(shown.frames[0], mask)
        how = draw_passing(mask, len(shown.frames), draw)
        return with_lookalike(shown, item, likeness, how)

    def _of_class(self, label: int, draw: np.random.Generator) -> Likeness | None:
        """Draw an object of a class; None where the drawn one is not seen whole."""
        places = self._places.get(label)
        if not places:
            return None
        number, item = places[int(draw.integers(len(places)))]
        picture = self._pictures.read(number)
        mask = picture.masks[item]
        return cut_likeness(picture.frame, mask) if is_whole(mask) else None


def is_whole(mask: Bools) -> bool:
    """Say whether an object is large enough, and does not run out of its picture."""
    return bool(mask.mean() >= MIN_SHARE) and not is_cut_by_border(mask)


def cut_likeness(frame: Frame, mask: Bools) -> Likeness:
    """Cut the object `mask (h, w)`, which is not empty, out of its picture."""
    top, left, bottom, right = box_of(mask)
    rows = slice(max(0, top - MARGIN), bottom + MARGIN)
    columns = slice(max(0, left - MARGIN), right + MARGIN)
    plane = Image.fromarray(np.where(mask[rows, columns], 255, 0).astype(np.uint8))
    soft = np.asarray(plane.filter(ImageFilter.GaussianBlur(SOFTNESS)), np.float64) / 255
    return Likeness(frame[rows, columns], soft)


def box_of(mask: Bools) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of a mask that is not empty; the ends are outside."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def draw_passing(mask: Bools, count: int, draw: np.random.Generator) -> Passing:
    """Draw how a look-alike passes the object `mask (h, w)` in `count` frames.

    It comes from one side and ends on the other, or returns before it gets there.
    """
    top, left, bottom, right = box_of(mask)
    height, width = bottom - top, right - left
    middle = np.array([(top + bottom) / 2, (left + right) / 2])
    side = float(draw.choice([-1.0, 1.0]))
    first = side * draw.uniform(0.6, 1.8) * width
    last = -side * draw.uniform(-0.3, 1.8) * width
    steps = np.linspace(0.0, 1.0, count) if count > 1 else np.array([0.5])
    steps = steps ** float(np.exp(draw.normal(0, 0.3)))
    across = first + (last - first) * steps
    rise = draw.normal(0, 0.12) * height + draw.normal(0, 0.12) * height * steps
    return Passing(
        max(4, round(height * float(np.exp(draw.normal(0, GROWTH))))),
        bool(draw.random() < 0.5),
        middle + np.stack([rise, across], axis=1),
        bool(draw.random() < 0.5),
    )


def with_lookalike(shown: PackedClip, item: int, likeness: Likeness, how: Passing) -> PackedClip:
    """Return a clip in which a look-alike passes object `item`, as one more object of its class."""
    drawn = likeness.resized(how.height, how.mirrored)
    frames, masks, ignored = [], [], []
    for number, frame in enumerate(shown.frames):
        before = shown.masks[number]
        blocked = None if how.in_front else before[item]
        pixels, own = _paste(frame, drawn, how.places[number], blocked)
        frames.append(pixels)
        masks.append(np.concatenate([before & ~own, own[None]]))
        ignored.append(np.where(own, KNOWN, shown.ignored[number]))
    return replace(
        shown,
        frames=frames,
        masks=np.stack(masks),
        labels=np.append(shown.labels, shown.labels[item]),
        certainties=np.append(shown.certainties, shown.certainties[item]),
        ignored=np.stack(ignored).astype(np.uint8),
    )


def _paste(
    frame: Frame, drawn: Likeness, place: Floats, blocked: Bools | None
) -> tuple[Frame, Bools]:
    """Return a frame with a cut-out around `place`, and where it is seen; not where `blocked`."""
    inside, part = _overlap(frame.shape[:2], drawn.opacity.shape, place)
    opacity = drawn.opacity[part]
    if blocked is not None:
        opacity = np.where(blocked[inside], 0.0, opacity)
    pasted, own = frame.copy(), np.zeros(frame.shape[:2], bool)
    region = pasted[inside]
    difference = drawn.pixels[part].astype(np.float64) - region
    pasted[inside] = np.rint(region + opacity[..., None] * difference)
    own[inside] = opacity > 0.5
    return pasted, own


def _overlap(
    whole: tuple[int, ...], part: tuple[int, ...], place: Floats
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return which rows and columns of a picture a part around `place` covers, and which of it."""
    inside, own = [], []
    for limit, length, middle in zip(whole, part, place.tolist(), strict=True):
        start = round(middle - length / 2)
        first, last = max(0, min(start, limit)), max(0, min(start + length, limit))
        inside.append(slice(first, last))
        own.append(slice(first - start, last - start))
    return (inside[0], inside[1]), (own[0], own[1])
