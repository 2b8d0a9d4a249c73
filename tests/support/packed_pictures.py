"""A small file of packed pictures: stills that are complete or not, and a video of two objects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from maskstream_model.aliases import Bools
from maskstream_model.classes import EVERYDAY
from maskstream_train.data.packed import PackedObject, PackedPicture
from maskstream_train.data.packing.writing import write_pack
from maskstream_train.data.rle import encode_rle

HEIGHT, WIDTH = 240, 320
CLASSES = EVERYDAY.split()
PERSON, DOG, BIRD = (CLASSES.index(name) for name in ("person", "dog", "bird"))
RED, BLUE, GREY = (220, 40, 40), (40, 60, 220), (120, 120, 120)


def box(top: int, left: int, height: int, width: int) -> Bools:
    """A rectangle."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def marked(label: int, mask: Bools, certainty: float = 1.0) -> PackedObject:
    """An object by people."""
    return PackedObject(label, certainty, encode_rle(mask), True)


class PackedFile:
    """Collects pictures, then writes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pictures: list[PackedPicture] = []

    def add(
        self,
        objects: Sequence[tuple[int, Bools, float]],
        colours: Sequence[tuple[int, int, int]],
        complete: bool = False,
        doubtful: Bools | None = None,
        sequence: str = "",
    ) -> None:
        """Add a grey picture on which each object has a colour."""
        pixels = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
        for (_, mask, _), colour in zip(objects, colours, strict=True):
            pixels[mask] = colour
        number = len(self._pictures)
        file = self._folder / f"{number:03}.jpg"
        Image.fromarray(pixels).save(file, quality=95, subsampling=0)
        things = tuple(marked(label, mask, sure) for label, mask, sure in objects)
        hidden = None if doubtful is None else encode_rle(doubtful)
        self._pictures.append(
            PackedPicture(
                *(str(file), HEIGHT, WIDTH, sequence, number, "made here", "CC0", "", complete),
                *(things, hidden),
            )
        )

    def write(self) -> Path:
        """Write the file and return its path."""
        path = self._folder / "packed.zip"
        write_pack(path, self._pictures, CLASSES)
        return path


def small_file(folder: Path) -> Path:
    """Three persons and a dog on stills, one of them complete, and a bird that flies."""
    packed = PackedFile(folder)
    packed.add([(PERSON, box(60, 60, 120, 60), 1.0)], [RED])
    packed.add([(PERSON, box(80, 200, 90, 70), 0.9)], [RED], doubtful=box(20, 200, 60, 70))
    people, dog = box(100, 20, 80, 50), box(120, 100, 60, 40)
    packed.add([(PERSON, people, 1.0), (DOG, dog, 1.0)], [RED, BLUE], complete=True)
    for time in range(5):
        packed.add(
            [(BIRD, box(60 + 10 * time, 40 + 20 * time, 50, 60), 1.0)], [BLUE], sequence="flight"
        )
    return packed.write()
