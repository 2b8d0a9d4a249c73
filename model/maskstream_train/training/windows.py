"""Moving windows on pictures: how a still picture becomes a clip, and a video another one.

Drawing and cutting are apart: `draw_windows` is the only place with random numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskstream_model.aliases import Floats, Frame, Size

Frames = npt.NDArray[np.uint8]
Pixel = TypeVar("Pixel", bound=np.generic)
BILINEAR = Image.Resampling.BILINEAR
FOCUS = 0.7
"""Share of windows that are laid around an object."""


@dataclass(frozen=True)
class Views:
    """How windows are drawn; lengths as shares of the picture or of the window.

    Attributes:
        side_min: smallest length of a window, of the longest that fits.
        stretch: deviation of the logarithm of the window's shape from that of the frames.
        drift: deviation of the window's movement over a clip.
        growth: deviation of the logarithm of its change of size over a clip.
    """

    side_min: float = 0.4
    stretch: float = 0.12
    drift: float = 0.12
    growth: float = 0.12


@dataclass(frozen=True)
class Window:
    """A part of a picture, in its pixels."""

    top: float
    left: float
    height: float
    width: float

    def cut(self, frame: Frame, size: Size) -> Frame:
        """Return the part, resized with antialiasing to `size` (height, width)."""
        bottom = min(self.top + self.height, frame.shape[0])
        right = min(self.left + self.width, frame.shape[1])
        box = (self.left, self.top, right, bottom)
        view = Image.fromarray(frame).resize(size[::-1], BILINEAR, box)
        return np.asarray(view)

    def cut_nearest(self, planes: npt.NDArray[Pixel], size: Size) -> npt.NDArray[Pixel]:
        """Return the part of `(..., h, w)`, each pixel the nearest one."""
        rows, columns = (
            (start + (np.arange(new) + 0.5) * length / new).astype(np.int64).clip(0, limit - 1)
            for start, length, new, limit in zip(
                (self.top, self.left),
                (self.height, self.width),
                size,
                planes.shape[-2:],
                strict=True,
            )
        )
        return planes[..., rows, :][..., columns]


def cut_frames(windows: Sequence[Window], frames: Sequence[Frame] | Frames, size: Size) -> Frames:
    """Return `(T, *size, 3)`, of each frame what its window shows."""
    return np.stack([w.cut(frame, size) for w, frame in zip(windows, frames, strict=True)])


def cut_planes(
    windows: Sequence[Window], planes: npt.NDArray[Pixel], size: Size
) -> npt.NDArray[Pixel]:
    """Return `(T, ..., *size)` of planes `(T, ..., h, w)`; see `cut_frames`."""
    return np.stack([w.cut_nearest(part, size) for w, part in zip(windows, planes, strict=True)])


def blurred(frames: Frames, factor: float) -> Frames:
    """Return frames `(T, h, w, 3)` made smaller by `factor` and enlarged again."""
    height, width = frames.shape[1:3]
    small = max(1, round(width / factor)), max(1, round(height / factor))
    pictures = (Image.fromarray(frame).resize(small, BILINEAR) for frame in frames)
    return np.stack([np.asarray(one.resize((width, height), BILINEAR)) for one in pictures])


def draw_windows(
    views: Views,
    picture: Size,
    size: Size,
    count: int,
    draw: np.random.Generator,
    focus: tuple[float, float] | None = None,
) -> list[Window]:
    """Draw windows that move and grow evenly over `count` frames, all inside of the picture.

    Args:
        views: how far.
        picture: height and width of the picture.
        size: height and width of the frames to make.
        count: of windows, at least 1.
        draw: random numbers of the clip.
        focus: place `(y, x)` that most first windows show.
    """
    shape = size[0] / size[1] * float(np.exp(draw.normal(0, views.stretch)))
    longest = min(picture[0], picture[1] * shape)
    height = longest * float(draw.uniform(views.side_min, 1.0))
    last = min(longest, max(8.0, height * float(np.exp(draw.normal(0, views.growth)))))
    place = draw.random(2)
    if focus is not None and draw.random() < FOCUS:
        centre = np.array(focus) - (draw.random(2) - 0.5) * (height, height / shape)
    else:
        centre = place * picture
    move = draw.normal(0, views.drift, 2) * (height, height / shape)
    steps = np.linspace(0.0, 1.0, count) if count > 1 else np.zeros(1)
    heights, centres = height + steps * (last - height), centre + steps[:, None] * move
    return [
        _inside(one, high, high / shape, picture)
        for one, high in zip(centres, heights.tolist(), strict=True)
    ]


def _inside(centre: Floats, height: float, width: float, picture: Size) -> Window:
    height, width = min(height, picture[0]), min(width, picture[1])
    top, left = (
        float(np.clip(middle - length / 2, 0.0, limit - length))
        for middle, length, limit in zip(centre, (height, width), picture, strict=True)
    )
    return Window(top, left, height, width)
