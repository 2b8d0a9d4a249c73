"""Opens what a person names as a video: a file, pipe, device, camera or URL; uses PyAV itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import av
from av.container import InputContainer

from maskstream_client.cameras import DEVICE_FORMAT, camera_address
from maskstream_client.errors import SourceError
from maskstream_client.pipes import Pipe, open_fifo, open_standard_input
from maskstream_media.opening import NamelessFile, open_container
from maskstream_media.refusal import RefusalError

STANDARD_INPUT: Final = "-"
_URL_TIMEOUT_S: Final = 10.0
_PIPED: Final = " (through a pipe, an MP4 must begin with its index: -movflags +faststart)"


@dataclass(frozen=True)
class OpenedSource:
    """A source that FFmpeg has opened.

    Attributes:
        is_live: a camera, device, pipe or URL: it cannot wait for a slow reader.
        pipe: what is read, where that is a pipe.
        file: what is read, where that is a file.
    """

    container: InputContainer
    name: str
    is_live: bool = False
    pipe: Pipe | None = None
    file: NamelessFile | None = None

    @property
    def hint(self) -> str:
        """What may help where nothing in it can be decoded; empty: nothing known."""
        return "" if self.pipe is None else _PIPED

    def stop(self) -> None:
        """End a read that waits for more."""
        if self.pipe is not None:
            self.pipe.stop()

    def close(self) -> None:
        """Close the source."""
        self.container.close()
        for source in (self.pipe, self.file):
            if source is not None:
                source.close()


def open_source(source: str | Path | int) -> OpenedSource:
    """Open a file, camera (by number or device path), pipe, standard input (`-`) or URL.

    A file may not lead to the network or to other protocols.

    Raises:
        SourceError: there is none, or it cannot be opened.
    """
    if isinstance(source, int):
        format_name, address = camera_address(source)
        return _opened(f"camera {source}", address, is_live=True, format=format_name)
    if source == STANDARD_INPUT:
        return _opened_pipe("standard input", open_standard_input())
    path = local_path(source)
    if path is None:
        return _opened(str(source), str(source), is_live=True, timeout=_URL_TIMEOUT_S)
    if path.is_fifo():
        return _opened_pipe(str(path), open_fifo(path))
    if path.is_char_device() and sys.platform in DEVICE_FORMAT:
        return _opened(str(path), str(path), is_live=True, format=DEVICE_FORMAT[sys.platform])
    if path.is_dir():
        raise SourceError(f"{path} is a folder, not a video.")
    if not path.exists():
        raise SourceError(f"There is no file {path}.")
    return _opened_file(path)


def local_path(source: str | Path) -> Path | None:
    """The path of a source that is named by it or by a `file:` name; None for other URLs."""
    if isinstance(source, Path) or Path(source).exists():
        return Path(source)
    if source.startswith("file://"):
        return Path(unquote(urlsplit(source).path))
    if "://" in source:
        return None
    return Path(source.removeprefix("file:"))


def _opened(name: str, address: str, *, is_live: bool = False, **how: Any) -> OpenedSource:
    return OpenedSource(_container(name, partial(av.open, address, **how)), name, is_live)


def _opened_file(path: Path) -> OpenedSource:
    """Open it by handle: neither its name nor what is in it leads elsewhere."""
    try:
        file = NamelessFile(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from error
    try:
        if path.is_file() and not path.stat().st_size:
            raise SourceError(f"{path} is empty.")
        container = _container(str(path), partial(open_container, file))
    except SourceError:
        file.close()
        raise
    return OpenedSource(container, str(path), file=file)


def _opened_pipe(name: str, pipe: Pipe) -> OpenedSource:
    try:
        container = _container(name, partial(av.open, pipe, metadata_errors="replace"), _PIPED)
    except SourceError:
        pipe.close()
        raise
    return OpenedSource(container, name, True, pipe)


def _container(name: str, opening: Callable[[], InputContainer], hint: str = "") -> InputContainer:
    try:
        return opening()
    except RefusalError as refusal:
        raise SourceError(f"{name} is no video that can be opened: {refusal}") from refusal
    except av.FFmpegError as error:
        sentence = f"{name} is no video that can be opened: {error.strerror}{hint}."
        raise SourceError(sentence) from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{name} cannot be opened: {error}.") from error
