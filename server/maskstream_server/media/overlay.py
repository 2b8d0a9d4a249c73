"""Annotated videos: with the source's times and sound, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

import av

from maskstream_media.writer import FrameWriter, VideoShape
from maskstream_server.media.decoder import Pixels
from maskstream_server.media.messages import SourceInfo
from maskstream_server.media.sound_writer import SoundWriter
from maskstream_server.media.soundtrack import SoundPiece


class OverlayWriter:
    """Writes one MP4; a context manager.

    The file appears under its name when the block ends well, and not at all when it ends in an
    error. The index stands at the front.

    Args:
        path: of the file; an older one is replaced.
        info: of the source: size, rate and the shape of its pixels.
        sound: of the source, read as the frames come; the opener closes it.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, info: SourceInfo, sound: Iterable[SoundPiece] = ()) -> None:
        self._path = path
        self._shape = (info.height, info.width, 3)
        self._step_s = float(1 / info.rate)
        self._end_s = 0.0
        handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
        os.close(handle)
        self._part = Path(name)
        shape = VideoShape(info.width, info.height, info.rate, info.sample_aspect)
        try:
            self._container = av.open(
                f"file:{name}", "w", format="mp4", container_options={"movflags": "+faststart"}
            )
            self._frames = FrameWriter(self._container, shape)
            self._sound = SoundWriter(self._container, sound, expected=info.has_audio)
        except BaseException:
            self._part.unlink()
            raise

    @property
    def warning(self) -> str | None:
        """What became of the sound; None: it is whole."""
        return self._sound.warning

    def write(self, pixels: Pixels, time_s: float) -> None:
        """Append a frame.

        Args:
            pixels: (H, W, 3) of the source's size.
            time_s: when it is shown; later than the frame before.

        Raises:
            ValueError: another size.
        """
        if pixels.shape != self._shape:
            raise ValueError(f"a frame {pixels.shape} in a video of {self._shape}")
        self._frames.write(pixels, time_s)
        self._sound.write_until(time_s)
        self._end_s = time_s + self._step_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._part.unlink(missing_ok=True)
            with suppress(av.FFmpegError):
                self._container.close()

    def _finish(self) -> None:
        if not self._end_s:
            raise ValueError("no frame was written")
        self._frames.finish()
        self._sound.finish(self._end_s)
        self._container.close()
        self._part.chmod(0o644)
        self._part.replace(self._path)
