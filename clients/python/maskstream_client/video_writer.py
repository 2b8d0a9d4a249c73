"""Writes annotated videos as the server writes its own, and keeps what it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Self

from maskstream_client.errors import OutputError
from maskstream_client.pictures import Pixels
from maskstream_media.colours import RgbConverter
from maskstream_media.fitting import fitted_pixels
from maskstream_media.frames import DEFAULT_RATE
from maskstream_media.writer import WRITING_ERRORS, FrameWriter, VideoShape, open_fragmented


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
        self._container = open_fragmented(self._file)

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
            self._frames.write(fitted_pixels(pixels, *self._size, self._colours), time_s)

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

    def _abandon(self) -> None:
        """Close the file; nothing more is written to it."""
        self._file.close()
        self._container.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except WRITING_ERRORS as error:
            if self._num_frames:
                self._abandon()
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
