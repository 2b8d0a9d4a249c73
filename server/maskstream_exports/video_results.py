"""What every file is made of: the lines of results of one video, and what is known of it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maskstream_protocol.records import Box, Status
from maskstream_protocol.rle import BoolMask, decode_rle, encode_rle

Lines = Iterable[bytes]
"""Of results, one a frame, in the form of `/v1/videos/{id}/results`; they may be still to come."""
Item = Mapping[str, Any]
"""One object of a line."""
Size = tuple[int, int]
"""Height and width in pixels."""
UNSEEN = (Status.MISSED.name.lower(), Status.DISAPPEARED.name.lower())


@dataclass(frozen=True)
class ResultClass:
    """A class of the model: its name, and whether it is a thing (else stuff, such as sky)."""

    name: str
    thing: bool = True


@dataclass(frozen=True)
class FoundObject:
    """An object that is seen on a frame and has a mask there.

    Attributes:
        item: as the line has it.
        size: of the frame.
        times: how many pixels of the frame a pixel of the line's mask is wide and high.
    """

    item: Item
    size: Size
    times: int

    @property
    def track_id(self) -> int:
        """Its identity, the same on every frame."""
        return int(self.item["track_id"])

    @property
    def class_id(self) -> int:
        """Index into the classes."""
        return int(self.item["class_id"])

    @property
    def label(self) -> str:
        """The name of its class."""
        return str(self.item["label"])

    @property
    def score(self) -> float:
        """0 to 1."""
        return float(self.item["score"])

    @property
    def box(self) -> Box:
        """x0, y0, x1, y1 of its mask in pixels of the frame, half open."""
        x0, y0, x1, y1 = (self.times * end for end in self.item["box"])
        return x0, y0, min(x1, self.size[1]), min(y1, self.size[0])

    def mask(self) -> BoolMask:
        """Return its mask `(height, width)`, as large as the frame."""
        mask = grid_mask(self.item)
        if self.times == 1:
            return mask
        fine = mask.repeat(self.times, 0).repeat(self.times, 1)
        # Sizes of masks are rounded up: the last pixel may reach beyond the frame.
        whole: BoolMask = fine[: self.size[0], : self.size[1]]
        return whole

    def crop(self) -> BoolMask:
        """Return its mask inside its box."""
        x0, y0, x1, y1 = self.box
        return self.mask()[y0:y1, x0:x1]

    def rle(self) -> dict[str, Any]:
        """Return the compressed COCO run lengths of its mask, as large as the frame."""
        if self.times == 1:
            return dict(self.item["segmentation"])
        return {"size": list(self.size), "counts": encode_rle(self.mask()).decode("ascii")}

    def area(self) -> int:
        """Return how many pixels of the frame its mask has."""
        return int(self.item["area"] if self.times == 1 else np.count_nonzero(self.mask()))


@dataclass(frozen=True)
class ResultFrame:
    """One frame.

    Attributes:
        number: in the video, from 0; not all of them need to have results.
        time_s: its presentation time; None where it is not known.
        size: height and width.
        objects: those that are seen and have a mask.
    """

    number: int
    time_s: float | None
    size: Size
    objects: Sequence[FoundObject]

    @property
    def file_name(self) -> str:
        """How files name its picture: `000000.png` and on by its number."""
        return f"{self.number:06d}.png"


@dataclass(frozen=True)
class VideoResults:
    """The results of one video.

    Attributes:
        lines: of its frames, which each writer reads once.
        name: of the video's file.
        size: height and width of its upright frames.
        frame_rate: of the lines, in frames per second.
        classes: of the model; their place in the list is the class id.
        show_min: score from which a track is shown.
        mask_scale: size of the masks in the lines beside that of the frames: 1, 0.5 or 0.25.
    """

    lines: Lines
    name: str
    size: Size
    frame_rate: float
    classes: Sequence[ResultClass]
    show_min: float = 0.0
    mask_scale: float = 1.0

    def frames(self) -> Iterator[ResultFrame]:
        """Yield what is seen on each frame."""
        times = round(1 / self.mask_scale)
        for line in self.lines:
            frame = json.loads(line)
            # The frames of a stream may change their size; its masks have that of the frame.
            size = tuple(frame["size"]) if times == 1 else self.size
            found = [
                FoundObject(item, size, times)
                for item in seen(frame)
                if item["segmentation"] is not None
            ]
            yield ResultFrame(frame["frame"], frame["time_s"], size, found)


def seen(frame: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the objects of a line that are seen: the mask of a missed track is a guess."""
    return (item for item in frame["objects"] if item["status"] not in UNSEEN)


def grid_mask(item: Item) -> BoolMask:
    """Return the mask `(height, width)` of an object that has one, on the grid of its line."""
    rle = item["segmentation"]
    return decode_rle(rle["counts"].encode(), *rle["size"])
