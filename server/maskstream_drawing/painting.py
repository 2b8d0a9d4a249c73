"""Masks in the colours of their tracks."""

import colorsys
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskstream_protocol.records import Box, Status

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""
Mask = npt.NDArray[np.bool_]
Color = tuple[int, int, int]

_OPACITY: Final = np.uint8(115)
_OPAQUE: Final = np.uint8(255)
_GOLDEN: Final = 0.618034


@dataclass(frozen=True)
class DrawnObject:
    """A track on one frame, as it is drawn.

    Attributes:
        track_id: its identity.
        label: the name of its class.
        score: 0 to 1.
        status: where it is in its life; a missed one's mask is a guess.
        box: x0, y0, x1, y1 in pixels of the frame, half open; empty: no mask.
        mask: (y1 - y0, x1 - x0) its pixels in the box.
    """

    track_id: int
    label: str
    score: float
    status: Status
    box: Box
    mask: Mask

    @property
    def has_mask(self) -> bool:
        """Whether there is anything to draw."""
        return self.mask.size > 0

    @property
    def caption(self) -> str:
        """What is written at its mask."""
        guess = "?" if self.status is Status.MISSED else ""
        return f"{self.track_id} {self.label}{guess} {self.score:.2f}"


def track_color(track_id: int) -> Color:
    """A colour of its own for each track, far from those of the ids next to it."""
    hue = (track_id * _GOLDEN) % 1.0
    saturation = 0.95 if track_id % 2 else 0.7
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, 1.0)
    return (round(red * 255), round(green * 255), round(blue * 255))


def paint_mask(image: Image.Image, item: DrawnObject) -> None:
    """Tint the mask in `image` and draw its outline; a missed track has an outline only."""
    inside = np.uint8(0) if item.status is Status.MISSED else _OPACITY
    cover = np.where(_inner(_inner(item.mask)), inside, _OPAQUE) * item.mask
    image.paste(track_color(item.track_id), item.box, Image.fromarray(cover))


def _inner(mask: Mask) -> Mask:
    """Return the pixels of a mask all of whose four neighbours belong to it, too."""
    grown = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), bool)
    grown[1:-1, 1:-1] = mask
    return grown[:-2, 1:-1] & grown[2:, 1:-1] & grown[1:-1, :-2] & grown[1:-1, 2:] & mask
