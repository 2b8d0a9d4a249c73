"""Annotated videos on disk, whatever their form: what they hold, and chosen frames on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Bools, Ints


@dataclass(frozen=True)
class Category:
    """One class of a data set: its `id` there, its name, and whether it is a thing."""

    id: int
    name: str
    thing: bool = True


@dataclass(frozen=True)
class VideoInfo:
    """One video without its pixels.

    Attributes:
        id: the data set's own, as result files name it.
        name: for people, and the folder of its pictures.
        height: of every frame, in pixels.
        width: of every frame, in pixels.
        pictures: path of each frame, in order.
    """

    id: int | str
    name: str
    height: int
    width: int
    pictures: tuple[Path, ...]


@dataclass(frozen=True)
class AnnotatedFrames:
    """Chosen frames of a video and what is on them; a still picture is a video of one frame.

    Attributes:
        frames: `(T, height, width, 3)` uint8 RGB.
        masks: `(T, G, height, width)` bool, visible pixels; empty where an object is absent.
        labels: `(G,)` index into the data set's `categories`.
        ids: `(G,)` of the objects, one and the same on all frames of a video.
        crowd: `(G,)` groups, which nobody is trained or measured on.
    """

    frames: npt.NDArray[np.uint8]
    masks: Bools
    labels: Ints
    ids: Ints
    crowd: Bools


class VideoDataset(Protocol):
    """A data set on disk; annotations are held in memory, pixels are read when asked for."""

    @property
    def categories(self) -> Sequence[Category]:
        """Classes, by rising id of the data set."""
        ...

    @property
    def videos(self) -> Sequence[VideoInfo]:
        """Videos, by rising id."""
        ...

    def read(self, video: int, numbers: Sequence[int]) -> AnnotatedFrames:
        """Return frames `numbers` of `videos[video]`, in this order, repeats allowed.

        Raises:
            DatasetError: a picture or an annotation is missing or broken; names file and entry.
        """
        ...
