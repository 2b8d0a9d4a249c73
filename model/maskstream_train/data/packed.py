"""Real pictures with masks in one file: a zip of JPEGs and `index.json`.

Pictures that belong together (`sequence`) are frames of one video, by rising `time`. What is not an
object of a picture is background only where the picture is `complete`. `doubtful` pixels may belong
to one of its objects or to none, such as a crowd or the rest of a box.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskstream_model.aliases import Bools, Floats, Frame, Ints
from maskstream_model.errors import DatasetError
from maskstream_train.data.pictures import BROKEN_PICTURE
from maskstream_train.data.reading import read_entry, read_list
from maskstream_train.data.rle import decode_masks

INDEX = "index.json"
Part = Literal["all", "training", "held out"]
"""Of the pictures of a file; those held out are for the choice of thresholds."""
HELD_OUT_EVERY = 8
"""Of so many complete still pictures the last one is held out."""
KNOWN, UNKNOWN, DOUBTFUL = range(3)
"""States of a pixel: marked object or background; possibly an unmarked object; possibly part of a
marked one."""


@dataclass(frozen=True)
class PackedObject:
    """One object of a picture.

    Attributes:
        label: index into the file's classes.
        certainty: of the label, 0 to 1.
        mask: COCO's run-length encoding.
        exact: annotated by people, not by a teacher.
    """

    label: int
    certainty: float
    mask: Mapping[str, Any]
    exact: bool


@dataclass(frozen=True)
class PackedPicture:
    """One picture and what is known of it.

    Attributes:
        file: inside of the zip, or the source's own while packing.
        height: in pixels.
        width: in pixels.
        sequence: name of the video; empty for a still picture.
        time: number of the frame there.
        source: data set, for the model card.
        license: of the picture.
        url: of the original, if known.
        complete: whether every visible object is marked.
        objects: marked ones.
        doubtful: mask of doubtful pixels, or None.
    """

    file: str
    height: int
    width: int
    sequence: str
    time: int
    source: str
    license: str
    url: str
    complete: bool
    objects: tuple[PackedObject, ...]
    doubtful: Mapping[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class PackedFrame:
    """A picture with its truth.

    Attributes:
        frame: `(height, width, 3)` uint8 RGB.
        masks: `(O, height, width)` bool.
        labels: `(O,)`.
        certainties: `(O,)` 0 to 1.
        ignored: `(height, width)` uint8, of `KNOWN`, `UNKNOWN`, `DOUBTFUL`.
    """

    frame: Frame
    masks: Bools
    labels: Ints
    certainties: Floats
    ignored: npt.NDArray[np.uint8]


class PackedPictures:
    """The pictures of a file; each process opens its own handle.

    Attributes:
        classes: names.
        pictures: stills first, then sequences by name and time.
    """

    def __init__(self, path: Path, part: Part = "all") -> None:
        """Read the index.

        Args:
            path: the file.
            part: of its pictures.

        Raises:
            DatasetError: the file is not of this format.
        """
        self._path, self._part = path, part
        self._file: zipfile.ZipFile | None = None
        index = _index_of(path)
        self.classes = tuple(str(name) for name in read_list(path, index, "classes"))
        pictures = [
            read_entry(f"{path}: picture {number}", _picture, item)
            for number, item in enumerate(read_list(path, index, "pictures"))
        ]
        self.pictures = _part_of(pictures, part)

    def __reduce__(self) -> tuple[type["PackedPictures"], tuple[Path, Part]]:
        """Pickle without the open file."""
        return type(self), (self._path, self._part)

    def read(self, number: int) -> PackedFrame:
        """Return picture `number`.

        Raises:
            DatasetError: it is missing or broken.
        """
        picture = self.pictures[number]
        masks = decode_masks(
            [thing.mask for thing in picture.objects], picture.height, picture.width
        )
        ignored = np.full(masks.shape[1:], KNOWN if picture.complete else UNKNOWN, np.uint8)
        if picture.doubtful is not None:
            doubtful = decode_masks([picture.doubtful], picture.height, picture.width)
            ignored[doubtful[0]] = DOUBTFUL
        ignored[masks.any(axis=0)] = KNOWN
        return PackedFrame(
            self._pixels(picture),
            masks,
            np.array([thing.label for thing in picture.objects], np.int64),
            np.array([thing.certainty for thing in picture.objects], np.float64),
            ignored,
        )

    def _pixels(self, picture: PackedPicture) -> Frame:
        if self._file is None:
            self._file = zipfile.ZipFile(self._path)
        try:
            with Image.open(io.BytesIO(self._file.read(picture.file))) as image:
                pixels = np.array(image.convert("RGB"))
        except (KeyError, zipfile.BadZipFile, *BROKEN_PICTURE) as error:
            raise DatasetError(f"{self._path}: {picture.file} cannot be read: {error}") from error
        if pixels.shape[:2] != (picture.height, picture.width):
            raise DatasetError(f"{self._path}: {picture.file} is of another size than its masks")
        return pixels


def _index_of(path: Path) -> Any:
    """Return the content of the index.

    Raises:
        DatasetError: there is none that can be read.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if INDEX not in file.namelist():
                raise DatasetError(f"{path} is no file of packed pictures: it has no {INDEX}")
            return json.loads(file.read(INDEX))
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DatasetError(f"{path} is no file of packed pictures: {error}") from error


def _part_of(pictures: Sequence[PackedPicture], part: Part) -> tuple[PackedPicture, ...]:
    if part == "all":
        return tuple(pictures)
    complete = [one for one in pictures if one.complete and not one.sequence]
    held_out = {one.file for one in complete[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]}
    return tuple(one for one in pictures if (one.file in held_out) == (part == "held out"))


def _picture(item: Mapping[str, Any]) -> PackedPicture:
    objects = tuple(PackedObject(**thing) for thing in item["objects"])
    return PackedPicture(**{**item, "objects": objects})
