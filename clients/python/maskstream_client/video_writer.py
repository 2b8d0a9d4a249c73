"""Writes annotated videos as the server writes its own, and keeps what it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final, Self, cast

import av

from maskstream_client.errors import OutputError
from maskstream_client.pictures import Pixels
from maskstream_media.colours import RgbConverter
from maskstream_media.fitting import fitted
from maskstream_media.frames import DEFAULT_RATE
from maskstream_media.writer import FrameWriter, VideoShape

# A fragment every two seconds: what is on the disk plays, however the writing ends. A file that
# is closed in order gets an index like any other. The header waits for the first frames, so that it
# can say that they start at zero.
_FRAGMENTS: Final = {"movflags": "hybrid_fragmented+delay_moov", "frag_duration": "2000000"}


class VideoWriter:
    """Writes RGB frames as H.264 in MP4; a picture of odd size gets one more row or column.

    Frames of another size than the first are scaled into its picture, with black bars.

    Args:
        path: of the file, whatever characters its name has.
        fps: frames per second on average.
        sample_aspect: width over height of a pixel.

    Raises:
        OutputError: the file cannot be written; what is on the disk by then can be played.
    """

    def __init__(
        self,
        path: str | Path,
        fps: Fraction | float = DEFAULT_RATE,
        sample_aspect: Fraction = Fraction(1),
    ) -> None:
        self._path = Path(path)
        self._rate, self._aspect = Fraction(fps), sample_aspect
        self._size: tuple[int, int] | None = None
        self._num_frames = 0
        self._colours = RgbConverter()
        with self._named_errors():
            # Opened here: FFmpeg would take what stands before a colon for a protocol.
            self._file = self._path.open("wb", buffering=0)
        self._container = av.open(self._file, "w", format="mp4", container_options=_FRAGMENTS)

    def write(self, pixels: Pixels, time_s: float | None = None) -> None:
        """Append one frame (H, W, 3).

        Args:
            pixels: RGB.
            time_s: when it is shown; None: at its place at a constant rate.
        """
        if time_s is None:
            time_s = float(self._num_frames / self._rate)
        self._num_frames += 1
        with self._named_errors():
            if self._size is None:
                self._size = pixels.shape[1], pixels.shape[0]
                shape = VideoShape(*self._size, self._rate, self._aspect)
                self._frames = FrameWriter(self._container, shape)
            self._frames.write(self._fitted(pixels, *self._size), time_s)

    def close(self) -> None:
        """Write what is left and finish the file; without a frame there is none."""
        if self._file.closed:
            return
        with self._named_errors():
            if self._size is not None:
                self._frames.finish()
                self._container.close()
        self._abandon()
        if self._size is None and self._path.is_file():
            self._path.unlink()

    def _fitted(self, pixels: Pixels, width: int, height: int) -> Pixels:
        if pixels.shape[:2] == (height, width):
            return pixels
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        return cast(Pixels, fitted(frame, width, height, self._colours).to_ndarray())

    def _abandon(self) -> None:
        """Close the file; nothing more is written to it."""
        self._file.close()
        self._container.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            if self._num_frames:
                self._abandon()
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
