"""Reads videos as the server does, and writes them as it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

from maskstream_client.containers import open_source
from maskstream_client.errors import SourceError
from maskstream_client.pictures import Pixels
from maskstream_client.video_writer import VideoWriter
from maskstream_media.choice import choose_video
from maskstream_media.decoding import Damage
from maskstream_media.frames import (
    DEFAULT_RATE,
    announced_frames,
    announced_packets,
    credible_rate,
    shown_aspect,
    shown_frames,
)
from maskstream_media.lookahead import Prospect, look_ahead
from maskstream_media.orientation import Orientation
from maskstream_media.refusal import MediaCode, RefusalError
from maskstream_media.unit_encoder import Unit

__all__ = ["DEFAULT_RATE", "VideoFrame", "VideoReader", "VideoWriter"]


@dataclass(frozen=True)
class VideoFrame:
    """One frame: RGB pixels (H, W, 3) and its time in seconds, None where there is none.

    Attributes:
        unit: its bytes in the file, where a reader was asked for them and they can be passed on.
    """

    pixels: Pixels
    pts_s: float | None = None
    unit: Unit | None = None


class VideoReader:
    """The video of a file, camera, device, pipe or URL, upright and of one size.

    Use it as a context manager and iterate it once; `max_frames` ends it early. Of a file the
    frames, their times and their size are those that the server has of it as an upload. `units`
    names a packet codec: frames that are stored so come with their bytes.

    Attributes:
        is_live: a camera, device, pipe or URL.
        rate: frames per second; 25 where the source does not say a credible one.
        num_frames: how many the file says it has (not to be relied on); None where it does not.
        sample_aspect: width over height of a pixel.

    Raises:
        SourceError: it cannot be opened, or has no video.
    """

    def __init__(
        self, source: str | Path | int, max_frames: int | None = None, units: str | None = None
    ) -> None:
        self._max_frames = max_frames
        self._units = units
        self._stopped = False
        self._read_through = False
        self._damage = Damage()
        self._num_read = 0
        self._opened = open_source(source)
        self.name, self.is_live = self._opened.name, self._opened.is_live
        prospect = None
        if not self.is_live:
            prospect = self._look_ahead()
            self._opened = open_source(source)
        self._container = self._opened.container
        try:
            with _named_errors(self.name):
                self._stream = choose_video(self._container)
        except SourceError:
            self._opened.close()
            raise
        self._size = None if prospect is None else (prospect.width, prospect.height)
        self.rate = credible_rate(self._stream)
        self._announced = announced_packets(self._container, self._stream)
        self.num_frames = announced_frames(self._container, self._stream)
        orientation = Orientation() if prospect is None else prospect.orientation
        self.sample_aspect = shown_aspect(self._stream, orientation)

    def __iter__(self) -> Iterator[VideoFrame]:
        """The frames in the order in which they are shown.

        Raises:
            SourceError: not one frame can be decoded.
        """
        frames = shown_frames(
            self._container,
            self._stream,
            self._damage,
            self._size,
            lambda: self._stopped,
            self._units,
        )
        for frame in islice(frames, self._max_frames):
            self._num_read += 1
            yield VideoFrame(frame.pixels(), frame.time_s, frame.unit)
            if self._stopped:
                return
        self._read_through = not self._stopped and self._num_read != self._max_frames
        if self._num_read == 0 and not self._stopped:
            raise SourceError(f"No frame of {self.name} can be decoded{self._opened.hint}.")

    @property
    def warning(self) -> str | None:
        """What is wrong with the file, as far as it was read; None: nothing."""
        announced = self._announced if self._read_through else None
        return self._damage.warning(announced, self._num_read)

    def stop(self) -> None:
        """Give no more frames than the one that is being read."""
        self._stopped = True
        self._opened.stop()

    def close(self) -> None:
        """Close the source."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _look_ahead(self) -> Prospect | None:
        """Read the file through, and close it."""
        with closing(self._opened), _named_errors(self.name):
            container = self._opened.container
            return look_ahead(container, choose_video(container), max_packets=self._max_frames)


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    """Name the source in what is wrong with it."""
    try:
        yield
    except RefusalError as refusal:
        if refusal.code is MediaCode.NO_VIDEO:
            raise SourceError(f"{name} has no video in it.") from refusal
        raise SourceError(f"{name} is no video that can be opened: {refusal}") from refusal
