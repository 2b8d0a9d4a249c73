"""Videos that are made up frame by frame, in the place of a decoder."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from maskstream_model.aliases import Frame
from maskstream_server.errors import JobFailedError
from maskstream_server.media.soundtrack import SoundPiece


class FakeMediaError(JobFailedError):
    """A file that cannot be read."""


@dataclass(frozen=True)
class FakeFrame:
    index: int
    time_s: float
    pixels: Frame


@dataclass(frozen=True)
class FakeInfo:
    num_frames: int | None
    height: int
    width: int
    rate: Fraction = Fraction(25)


@dataclass
class FakeDecoder:
    """Opens every file as the same video.

    Attributes:
        frames: of the video.
        announced: what the file says of its length.
        on_frame: called with the number of each frame before it comes; may raise or block.
        opened: how many frames were skipped, for each time frames were read.
        num_open: videos that have not been closed.
    """

    frames: Sequence[Frame]
    announced: int | None = None
    on_frame: Callable[[int], None] = lambda index: None
    warning: str | None = None
    opened: list[int] = field(default_factory=list)
    num_open: int = 0

    def __call__(self, path: Path, *, skip: int, stride: int) -> "FakeVideo":
        assert path.is_file()
        self.num_open += 1
        return FakeVideo(self, skip, stride)


class FakeVideo:
    """A video that is being decoded."""

    def __init__(self, decoder: FakeDecoder, skip: int, stride: int) -> None:
        self.info = FakeInfo(decoder.announced, *decoder.frames[0].shape[:2])
        self.warning: str | None = None
        self._decoder = decoder
        self._skip, self._stride = skip, stride
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[FakeFrame]:
        self._decoder.opened.append(self._skip)
        for index, pixels in enumerate(self._decoder.frames[self._skip :], self._skip):
            self._decoder.on_frame(index)
            if self._stopped.is_set():
                raise FakeMediaError("Reading the video was stopped.")
            if index % self._stride:
                continue
            yield FakeFrame(index, index / 25, pixels)
        self.warning = self._decoder.warning

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._decoder.num_open -= 1


class Gate:
    """An `on_frame` that holds the first thread that comes to a frame, until `go_on` is set.

    Attributes:
        reached: set when somebody is held.
        go_on: lets them go.
    """

    def __init__(self, at: int, longest_s: float = 20.0) -> None:
        self._at, self._longest_s = at, longest_s
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, index: int) -> None:
        if index == self._at and not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(self._longest_s)


def no_sound(path: Path) -> AbstractContextManager[list[SoundPiece]]:
    """A file without sound."""
    return nullcontext([])


def slowly(step_s: float) -> Callable[[int], None]:
    """Let each frame take its time."""
    return lambda index: time.sleep(step_s)
