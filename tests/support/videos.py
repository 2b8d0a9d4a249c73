"""Data sets in memory, behind the face of those on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskstream_train.data.videos import AnnotatedFrames, Category, VideoInfo


@dataclass(frozen=True)
class FakeVideos:
    """Videos of bright squares on black ground; square `g` moves a pixel a frame, if it should.

    It is its own source: `open` returns it. Frame `t` of a video has the blue value `t`.
    """

    lengths: tuple[int, ...] = (7, 3)
    size: tuple[int, int] = (64, 96)
    labels: tuple[int, ...] = (0, 2)
    crowd: tuple[bool, ...] = (False, False)
    names: tuple[str, ...] = ("class 0", "class 1", "class 2")
    name: str = "squares"
    form: str = "ytvis"

    def open(self) -> "FakeVideos":
        return self

    @property
    def categories(self) -> Sequence[Category]:
        return [Category(number + 1, name) for number, name in enumerate(self.names)]

    @property
    def videos(self) -> Sequence[VideoInfo]:
        return [
            VideoInfo(n + 1, f"video {n}", *self.size, tuple(Path(f"{t}.jpg") for t in range(long)))
            for n, long in enumerate(self.lengths)
        ]

    def read(self, video: int, numbers: Sequence[int]) -> AnnotatedFrames:
        objects = len(self.labels)
        masks = np.zeros((len(numbers), objects, *self.size), bool)
        frames = np.zeros((len(numbers), *self.size, 3), np.uint8)
        for row, number in enumerate(numbers):
            for item in range(objects):
                left = 4 + 30 * item + number
                masks[row, item, 10 + 8 * item : 30 + 8 * item, left : left + 20] = True
            frames[row, masks[row].any(0)] = 255
            frames[row, ..., 2] = number
        return AnnotatedFrames(
            frames,
            masks,
            np.array(self.labels, np.int64),
            np.arange(1, objects + 1),
            np.array(self.crowd, bool),
        )
