"""Frames of anything that a stream can be made of."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskstream_client.newest import newest as newest_of
from maskstream_client.video import VideoFrame, VideoReader

Source: TypeAlias = str | Path | int | VideoReader | Iterable[NDArray[Any]]
"""A file, a URL such as rtsp://..., the index of a camera, an open reader, or RGB arrays."""


def open_frames(source: Source, *, newest: bool = False) -> Generator[VideoFrame, None, None]:
    """The frames of any source, which is closed at the end.

    Args:
        source: see `Source`.
        newest: of a live source give only the newest frame, so that its reader may be slow.

    Raises:
        SourceError: there is no video in it.
    """
    if isinstance(source, VideoReader):
        yield from newest_of(source) if newest and source.is_live else source
    elif isinstance(source, str | Path | int):
        with VideoReader(source) as reader:
            yield from open_frames(reader, newest=newest)
    else:
        yield from (VideoFrame(np.asarray(pixels)) for pixels in source)
