"""Frames of anything that a stream can be made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from maskstream_client.newest import newest as newest_of
from maskstream_client.picture_files import PictureReader, pictures_of
from maskstream_client.video import VideoFrame, VideoReader


@runtime_checkable
class Reader(Protocol):
    """An open source; use it as a context manager and iterate it once.

    Attributes:
        name: of the source, for messages.
        is_live: it cannot wait for a slow reader.
        rate: frames per second; a guess where the source does not say.
        num_frames: how many it says it has; None where it does not.
        sample_aspect: width over height of a pixel.
        warning: once all frames are read: what is wrong with it; None: nothing.
    """

    name: str
    is_live: bool
    rate: Fraction
    num_frames: int | None
    sample_aspect: Fraction

    @property
    def warning(self) -> str | None:
        """What is wrong with it, once all is read."""

    def __iter__(self) -> Iterator[VideoFrame]: ...

    def stop(self) -> None:
        """Give no more frames than the one that is being read."""

    def close(self) -> None:
        """Close the source."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


Source: TypeAlias = str | Path | int | Reader | Iterable[NDArray[Any]]
"""What `open_reader` takes, an open reader, or RGB arrays (H, W, 3) of uint8."""
AsyncSource: TypeAlias = Source | AsyncIterable[NDArray[Any]]
"""The same, or RGB arrays that come asynchronously."""


def open_reader(
    source: str | Path | int, max_frames: int | None = None, units: str | None = None
) -> Reader:
    """Open a video by its name.

    Args:
        source: a file, FIFO or device by its path or `file:` name, `-` for standard input, a URL
            such as rtsp://..., the index of a camera, a folder of pictures, or a pattern of
            pictures (`shots/*.png`, `frame_%05d.jpg`).
        max_frames: ends it early.
        units: a packet codec: frames of a video that are stored so come with their bytes.

    Raises:
        SourceError: there is no video in it.
    """
    if not isinstance(source, int) and (pictures := pictures_of(source)) is not None:
        return PictureReader(str(source), pictures, max_frames)
    return VideoReader(source, max_frames, units)


def open_frames(
    source: Source, *, newest: bool = False, units: str | None = None
) -> Generator[VideoFrame, None, None]:
    """The frames of any source, which is closed at the end.

    Args:
        source: see `Source`.
        newest: of a live source give only the newest frame, so that its reader may be slow.
        units: see `open_reader`; a reader that is open has been asked for them, or not.

    Raises:
        SourceError: there is no video in it.
    """
    if isinstance(source, Reader):
        yield from newest_of(source) if newest and source.is_live else source
    elif isinstance(source, str | Path | int):
        with open_reader(source, units=units) as reader:
            yield from open_frames(reader, newest=newest)
    else:
        yield from (VideoFrame(np.asarray(pixels)) for pixels in source)


async def open_frames_async(
    source: AsyncSource, *, newest: bool = False, units: str | None = None
) -> AsyncGenerator[VideoFrame, None]:
    """The same beside an event loop: what blocks is read in a thread."""
    if isinstance(source, AsyncIterable):
        async for pixels in source:
            yield VideoFrame(np.asarray(pixels))
        return
    frames = open_frames(source, newest=newest, units=units)
    try:
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            yield frame
    finally:
        with suppress(ValueError):  # cancelled while its thread still reads: it closes itself
            frames.close()
