"""Frames for benchmarks: moving shapes, or those of a video."""

import re
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from maskstream_client.pictures import Pixels
from maskstream_client.sources import open_frames

NUM_PICTURES: Final = 48
"""Moving shapes repeat after so many frames."""
_SIZE: Final = (640, 360)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of WIDTHxHEIGHT.

    Raises:
        ValueError: it is something else.
    """
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise ValueError(f"A size is WIDTHxHEIGHT such as 448x256, not {text!r}.")
    return int(match[1]), int(match[2])


def first_frames(
    source: str | Path | None, count: int = NUM_PICTURES, size: tuple[int, int] | None = None
) -> list[Pixels]:
    """Return the first frames (H, W, 3) of a video, or of moving shapes where there is none.

    Args:
        source: of the video.
        count: how many at most.
        size: (width, height); None leaves those of a video as they are.

    Raises:
        SourceError: the source is no video.
    """
    if source is None:
        width, height = size or _SIZE
        return [moving_shapes(index, height, width) for index in range(count)]
    with closing(open_frames(source)) as frames:
        first = [frame.pixels for frame in islice(frames, count)]
    return first if size is None else [resized(each, size[1], size[0]) for each in first]


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """The frame in another size."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def moving_shapes(index: int, height: int, width: int) -> Pixels:
    """A picture (H, W, 3) of discs that circle over a shaded ground; a function of the index."""
    rows, columns = np.mgrid[:height, :width]
    ground = 90 + 60 * np.sin(rows / 17) * np.cos(columns / 23)
    picture = np.repeat(ground[..., None], 3, axis=2)
    for disc in range(5):
        angle = 2 * np.pi * (index / NUM_PICTURES + disc / 5)
        y = height * (0.5 + 0.3 * np.sin(angle * (1 + disc % 2)))
        x = width * (0.5 + 0.35 * np.cos(angle))
        radius = min(height, width) * (0.08 + 0.02 * disc)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        picture[inside] = [(60 + 90 * disc) % 256, (200 - 70 * disc) % 256, (40 * disc + 20) % 256]
    return picture.astype(np.uint8)
