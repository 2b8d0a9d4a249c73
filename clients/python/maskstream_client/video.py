"""Reads and writes videos as upright RGB frames; with `openings` an owner of PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final, Self

import av
import numpy as np

from maskstream_client.errors import OutputError, SourceError
from maskstream_client.openings import open_source
from maskstream_client.pictures import Pixels

DEFAULT_RATE: Final = Fraction(25)
_MAX_RATE: Final = 1000


@dataclass(frozen=True)
class VideoFrame:
    """One frame: RGB pixels (H, W, 3) and its time in seconds, None where there is none."""

    pixels: Pixels
    pts_s: float | None = None


class VideoReader:
    """The first video stream of a file, camera, device, pipe or URL.

    Use it as a context manager and iterate it once; `max_frames` ends it early.

    Attributes:
        name: of the source, for messages.
        is_live: a camera, device, pipe or URL.
        rate: frames per second; 25 where the source does not say a credible one.
        num_frames: how many the file says it has (not to be relied on); None where it does not.

    Raises:
        SourceError: it cannot be opened, or has no video.
    """

    def __init__(self, source: str | Path | int, max_frames: int | None = None) -> None:
        self._opened = open_source(source)
        self.name, self.is_live = self._opened.name, self._opened.is_live
        self._container = self._opened.container
        if not self._container.streams.video:
            self._opened.close()
            raise SourceError(f"{self.name} has no video in it.")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "SLICE"
        self.rate = _credible_rate(self._stream)
        self.num_frames = self._stream.frames or None
        self._max_frames = max_frames
        self._stopped = False

    def __iter__(self) -> Iterator[VideoFrame]:
        """The frames in the order in which they are shown.

        Raises:
            SourceError: not one frame can be decoded.
        """
        num_read = 0
        latest_s = 0.0
        for frame in islice(self._decoded(), self._max_frames):
            time_s = frame.time if frame.time is not None else num_read / float(self.rate)
            latest_s = max(latest_s, time_s)
            num_read += 1
            yield VideoFrame(_upright(frame), latest_s)
        if num_read == 0 and not self._stopped:
            raise SourceError(f"No frame of {self.name} can be decoded{self._opened.hint}.")

    def stop(self) -> None:
        """Give no more frames than the one that is being read."""
        self._stopped = True
        self._opened.stop()

    def close(self) -> None:
        """Let go of the source."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Every frame that decodes; damaged packets are left out, a file cut short ends early."""
        try:
            for packet in self._container.demux(self._stream):
                yield from _frames_of(packet)
                if self._stopped:
                    return
        except av.FFmpegError:
            with suppress(av.FFmpegError):
                yield from self._stream.decode(None)


def _frames_of(packet: av.Packet[av.VideoStream]) -> list[av.VideoFrame]:
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _credible_rate(stream: av.VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= _MAX_RATE:
            return Fraction(rate)
    return DEFAULT_RATE


def _upright(frame: av.VideoFrame) -> Pixels:
    """RGB pixels, turned as the file's display matrix says (quarter turns, counterclockwise)."""
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


class VideoWriter:
    """Writes RGB frames as H.264 in MP4; a picture of odd size gets one more row or column.

    Frames of another size than the first are put into its picture at the top left.

    Args:
        path: of the file.
        fps: frames per second.
        crf: quality; smaller is better.
        threads: of the encoder; 0: one and a half per core. Their number changes the file.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        fps: Fraction | float = DEFAULT_RATE,
        crf: int = 20,
        threads: int = 0,
    ) -> None:
        self._path = Path(path)
        try:
            self._path.write_bytes(b"")
            self._container = av.open(str(path), "w", format="mp4")
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
        self._stream = self._container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001)
        )
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": str(crf), "preset": "veryfast"}
        self._stream.thread_count = threads
        self._size: tuple[int, int] | None = None

    def write(self, pixels: Pixels) -> None:
        """Append one frame (H, W, 3)."""
        if self._size is None:
            self._size = (
                pixels.shape[0] + pixels.shape[0] % 2,
                pixels.shape[1] + pixels.shape[1] % 2,
            )
            self._stream.height, self._stream.width = self._size
        frame = av.VideoFrame.from_ndarray(_fitted(pixels, self._size), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left and finish the file; without a frame there is none."""
        if self._size is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if self._size is None and self._path.is_file():
            self._path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture cut or continued at its right and lower edge to (height, width)."""
    height, width = size
    cut = pixels[:height, :width]
    missing = ((0, height - cut.shape[0]), (0, width - cut.shape[1]), (0, 0))
    return np.pad(cut, missing, mode="edge")
