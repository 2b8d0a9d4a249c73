"""What is needed of a decoder of videos and their sound; `decoder` and `soundtrack` fulfil it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from maskstream_server.media.decoder import Pixels
from maskstream_server.media.messages import SourceInfo
from maskstream_server.media.soundtrack import SoundPiece


class DecodedFrame(Protocol):
    """One frame of a video."""

    @property
    def index(self) -> int:
        """Number of the frame in the video, from 0."""
        ...

    @property
    def time_s(self) -> float:
        """When it is shown, from the beginning of the video."""
        ...

    @property
    def pixels(self) -> Pixels:
        """Upright pixels, uint8 `(H, W, 3)` RGB."""
        ...


class DecodingVideo(Protocol):
    """A video that is being decoded; iterating blocks, and raises MediaError."""

    @property
    def info(self) -> SourceInfo:
        """What is known of it before its first frame."""
        ...

    @property
    def warning(self) -> str | None:
        """Once the last frame has come: a sentence where not all could be read."""
        ...

    def __iter__(self) -> Iterator[DecodedFrame]: ...

    def stop(self) -> None:
        """End the iteration at once, from any thread."""
        ...

    def close(self) -> None:
        """Let go of it, while nobody iterates."""
        ...


class OpenVideo(Protocol):
    """Opens a file; blocks, and raises MediaError."""

    def __call__(self, path: Path, *, skip: int, stride: int) -> DecodingVideo:
        """Return its frames from number `skip` on whose number is a multiple of `stride`."""
        ...


OpenSound = Callable[[Path], AbstractContextManager[Iterable[SoundPiece]]]
"""Opens the sound of a file; reading it raises MediaError."""
