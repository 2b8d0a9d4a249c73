"""The files that a stream leaves: an annotated video, results and a summary, however it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from maskstream_client.annotate import Annotator
from maskstream_client.containers import local_path
from maskstream_client.errors import OutputError
from maskstream_client.picture_files import pictures_of
from maskstream_client.pictures import Pixels
from maskstream_client.result import Result
from maskstream_client.sources import Reader
from maskstream_client.video import VideoWriter
from maskstream_client.window import Display


class AnnotatedFrames:
    """Frames with results drawn in: as a video, in a window, or neither; a context manager."""

    def __init__(self, path: Path | None, reader: Reader, display: Display | None = None) -> None:
        self._display = display
        self._writer: VideoWriter | None = None
        if path is not None:
            self._writer = VideoWriter(path, reader.rate, reader.sample_aspect)
        self._rate = float(reader.rate)
        self._annotator = Annotator(self._rate)

    def begin(self, show_min: float) -> None:
        """Draw the tracks from a score on."""
        self._annotator = Annotator(self._rate, show_min)

    def add(self, pixels: Pixels, result: Result) -> None:
        """Take the next frame and its result."""
        if self._writer is None and self._display is None:
            return
        drawn = self._annotator.annotate(pixels, result)
        if self._writer is not None:
            self._writer.write(drawn, result.pts_s)
        if self._display is not None:
            self._display.show(drawn)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._display is not None:
            self._display.close()
        if self._writer is not None:
            self._writer.close()


def prepare_outputs(source: str | int, *paths: Path | None) -> None:
    """Make the folders that files go to.

    Raises:
        OutputError: one cannot be made, a file would be written over the source or another, or
            is standard output.
    """
    wanted = [path for path in paths if path is not None]
    sources = _files_of(source)
    for index, path in enumerate(wanted):
        if path == Path("-"):
            raise OutputError(
                "- is standard output, where no file can be written: name a file for "
                "--out, --json and --summary."
            )
        if path.exists() and path.resolve() in sources:
            raise OutputError(f"{path} is the source and will not be written over.")
        if path.resolve() in [other.resolve() for other in wanted[:index]]:
            raise OutputError(f"{path} is named for two files.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent} cannot be made: {error.strerror}.") from error


def write_json(path: Path, value: Any) -> None:
    """Write a file that is whole under its name, or as it was; a pipe or device is written to.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(value) + "\n"
    is_file = path.is_file() or not path.exists()
    draft = path.with_name(f".{path.name}.part") if is_file else path
    try:
        draft.write_text(text, encoding="utf-8")
        if is_file:
            draft.replace(path)
    except OSError as error:
        if is_file:
            draft.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def _files_of(source: str | int) -> set[Path]:
    if isinstance(source, int) or (path := local_path(source)) is None:
        return set()
    return {each.resolve() for each in pictures_of(source) or [path]}
