"""Real objects with their own motion, cut from videos by masks.

Layout of a cut-out folder (that of DAVIS 2016, Perazzi et al., CVPR 2016): one folder for each
sequence, holding `00000.jpg`, `00000.png`, ...; the PNG is the mask of the one object (0 or not).
The name of a sequence says its class, by the words of `CLASS_WORDS`; others are "other".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.pictures import read_grey, read_picture
from maskstream_train.data.synthetic.config import NAMES, Image

CLASS_WORDS = {
    "person": "people dance walk hike kite paragliding bmx surf ski skate rider boy girl",
    "car": "drift",
    "motorcycle": "scooter motocross motorbike",
    "horse": "horsejump",
    "bird": "duck",
}
"""Words for a class beside its own name."""
STRINGS = ("kite", "paragliding")
"""Sequences with thin lines in the mask, which are cut away."""
BYSTANDERS = ("dance", "scooter", "soapbox", "camel", "bmx")
"""Sequences with objects of our classes outside the mask: no backgrounds are cut from these."""
MAX_SIDE = 256
MIN_RUN = 4
"""Frames in a row that show an object whole, from which the others are left out."""


@dataclass(frozen=True)
class CutoutFrame:
    """One frame of an object.

    Attributes:
        levels: RGBA crops at sizes 1, 1/2 and 1/4.
        middle: (x, y) of the mask's box, in pixels at size 1.
        diameter: of the object, in pixels at size 1.
    """

    levels: tuple[Image, ...]
    middle: Image
    diameter: float


@dataclass(frozen=True)
class CutoutSequence:
    """An object over consecutive frames; `backgrounds` are crops without the object."""

    name: str
    label: int
    frames: tuple[CutoutFrame, ...]
    backgrounds: tuple[Image, ...]


def class_of(name: str) -> int:
    """Return the class index in `EVERYDAY` that the words in a sequence's name say."""
    words = name.lower().replace("_", "-").split("-")
    for label, known in enumerate(NAMES):
        if not {known, *CLASS_WORDS.get(known, "").split()}.isdisjoint(words):
            return label
    return NAMES.index("other")


def clean_mask(mask: Image, name: str) -> Image:
    """Drop strings and crumbs of a mask, uint8 0 or 255."""
    mask = np.where(mask > 0, 255, 0).astype(np.uint8)
    if any(word in name for word in STRINGS):
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= 0.04 * areas.max() if count > 1 else np.zeros(count, bool)
    return np.where(keep[labels], 255, 0).astype(np.uint8)


def is_cut_by_border(mask: Image) -> bool:
    """Whether the object runs out of its own picture, so that its outline is not its own."""
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return max(int((edge > 0).sum()) for edge in edges) > 6


def cut_out(picture: Image, mask: Image) -> CutoutFrame:
    """Crop an object with a small margin; `mask` must not be empty."""
    x, y, width, height = cv2.boundingRect(mask)
    top, left = max(y - 4, 0), max(x - 4, 0)
    crop = np.dstack([picture, mask])[top : y + height + 4, left : x + width + 4]
    area = float((mask > 0).sum())
    scale = min(1.0, MAX_SIDE / max(crop.shape[:2]))
    if scale < 1:
        crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    levels = [np.ascontiguousarray(crop)]
    while len(levels) < 3 and min(levels[-1].shape[:2]) >= 16:
        half = [side // 2 for side in levels[-1].shape[1::-1]]
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    middle = np.array([x - left + width / 2, y - top + height / 2]) * scale
    diameter = scale * float(np.sqrt(area) + np.sqrt(width * height)) / 2
    return CutoutFrame(tuple(levels), middle, diameter)


def object_free_crop(picture: Image, mask: Image) -> Image | None:
    """Return the largest of a few full-width or full-height strips beside the object, or None."""
    x, y, width, height = cv2.boundingRect(mask)
    margin = 12
    strips = (
        picture[:, : max(x - margin, 0)],
        picture[:, x + width + margin :],
        picture[: max(y - margin, 0)],
        picture[y + height + margin :],
    )
    largest = max(strips, key=lambda strip: strip.shape[0] * strip.shape[1])
    return np.ascontiguousarray(largest) if min(largest.shape[:2]) >= 96 else None


class Cutouts(Protocol):
    """Where objects and backgrounds of clips are drawn from."""

    def draw(self, rng: np.random.Generator) -> CutoutSequence:
        """Draw an object."""
        ...

    def draw_background(self, rng: np.random.Generator) -> Image | None:
        """Draw a picture without objects; None where the drawn place has none."""
        ...


class CutoutLibrary:
    """The sequences of a cut-out folder; pixels are read when a sequence is first asked for."""

    def __init__(self, folder: Path) -> None:
        """List the sequences and check that each picture has its mask.

        Raises:
            DatasetError: the folder is missing, holds no sequence, or a mask is missing.
        """
        if not folder.is_dir():
            raise DatasetError(f"{folder} is not a folder of cut-outs")
        self._folders = sorted({path.parent for path in folder.rglob("*.png")})
        if not self._folders:
            raise DatasetError(f"{folder} holds no sequence of .jpg pictures with .png masks")
        self._files = [sorted(path.glob("*.jpg")) for path in self._folders]
        for sequence, files in zip(self._folders, self._files, strict=True):
            if not files:
                raise DatasetError(f"{sequence} holds masks, but no .jpg pictures")
            for path in files:
                if not path.with_suffix(".png").is_file():
                    raise DatasetError(f"{path} has no mask {path.with_suffix('.png').name}")
        self._read: dict[int, CutoutSequence] = {}

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self._folders)

    def sequence(self, number: int) -> CutoutSequence:
        """Return sequence `number`, reading it once.

        Raises:
            DatasetError: a file is unreadable, sizes differ, or no frame shows an object.
        """
        if number not in self._read:
            self._read[number] = self._load(self._folders[number].name, self._files[number])
        return self._read[number]

    def draw(self, rng: np.random.Generator) -> CutoutSequence:
        """Draw one of the sequences.

        Raises:
            DatasetError: as `sequence`.
        """
        return self.sequence(int(rng.integers(len(self))))

    def draw_background(self, rng: np.random.Generator) -> Image | None:
        """Draw a picture of what is beside an object; None where the drawn sequence has none."""
        backgrounds = self.draw(rng).backgrounds
        return backgrounds[int(rng.integers(len(backgrounds)))] if backgrounds else None

    def _load(self, name: str, files: list[Path]) -> CutoutSequence:
        """Keep the longest run of frames whose object is inside the picture."""
        runs: list[list[CutoutFrame]] = [[]]
        cut: list[CutoutFrame] = []
        backgrounds: list[Image] = []
        for number, path in enumerate(files):
            picture, mask = _read_pair(path)
            mask = clean_mask(mask, name)
            if not mask.any():
                runs.append([])
                continue
            frame = cut_out(picture, mask)
            if is_cut_by_border(mask):
                cut.append(frame)
                runs.append([])
            else:
                runs[-1].append(frame)
            free = object_free_crop(picture, mask) if number % 12 == 0 else None
            if free is not None and not any(word in name for word in BYSTANDERS):
                backgrounds.append(free)
        best = max(runs, key=len)
        frames = best if len(best) >= min(MIN_RUN, len(files)) else cut or best
        if not frames:
            raise DatasetError(
                f"{files[0].parent} shows its object on no frame: all masks are empty"
            )
        return CutoutSequence(name, class_of(name), tuple(frames), tuple(backgrounds))


def _read_pair(path: Path) -> tuple[Image, Image]:
    mask_path = path.with_suffix(".png")
    picture, mask = read_picture(path), read_grey(mask_path)
    if picture.shape[:2] != mask.shape:
        raise DatasetError(
            f"{mask_path} is {mask.shape[1]}x{mask.shape[0]}, but its picture is "
            f"{picture.shape[1]}x{picture.shape[0]}"
        )
    return picture, mask
