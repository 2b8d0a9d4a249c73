"""Small files of packed pictures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from maskstream_model.aliases import Bools
from maskstream_train.data.packed import PackedObject, PackedPicture
from maskstream_train.data.packing.writing import write_pack
from maskstream_train.data.rle import encode_rle

SIZE = HEIGHT, WIDTH = 64, 96
CLASSES = ("person", "bicycle", "dog", "other")


def box(top: int, left: int, bottom: int, right: int) -> Bools:
    """A mask that is True inside of a box."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def thing(label: int, mask: Bools, certainty: float = 1.0, exact: bool = True) -> PackedObject:
    return PackedObject(label, certainty, encode_rle(mask), exact)


def picture(
    folder: Path,
    objects: Sequence[tuple[PackedObject, Bools]],
    sequence: str = "",
    time: int = 0,
    complete: bool = False,
) -> PackedPicture:
    """Write grey noise with bright objects, and say what is known of it."""
    seed = [time, len(sequence), len(list(folder.glob("*.jpg")))]
    pixels = np.random.default_rng(seed).integers(60, 90, (*SIZE, 3), np.uint8)
    for number, (_, mask) in enumerate(objects):
        pixels[mask] = 200 - 40 * number
    file = folder / f"{sequence or 'still'}-{seed[2]:03d}.jpg"
    Image.fromarray(pixels).save(file)
    return PackedPicture(
        file=str(file),
        height=HEIGHT,
        width=WIDTH,
        sequence=sequence,
        time=time,
        source="made up",
        license="none",
        url="",
        complete=complete,
        objects=tuple(one for one, _ in objects),
        doubtful=None,
    )


def doubting(one: PackedPicture, mask: Bools) -> PackedPicture:
    """The same picture, with doubtful pixels."""
    return replace(one, doubtful=encode_rle(mask))


def small_pack(folder: Path, classes: Sequence[str] = CLASSES) -> Path:
    """A file of four stills, half of them complete, and two videos of eight frames."""
    folder.mkdir(exist_ok=True)
    pictures = []
    for number in range(4):
        mask, other = box(8, 4 + 8 * number, 40, 24 + 8 * number), box(44, 60, 62, 90)
        shown = [(thing(0, mask), mask), (thing(2, other), other)][: 2 - number % 2]
        pictures.append(picture(folder, shown, complete=number < 2))
    for video, name in enumerate(("ride", "walk")):
        for time in range(8):
            mask = box(10, 4 + 6 * time, 50, 30 + 6 * time)
            pictures.append(picture(folder, [(thing(video, mask), mask)], name, 4 * time))
    file = folder / "pack.zip"
    write_pack(file, pictures, classes)
    return file
