"""Writes recordings, in bounded room: the oldest sections give way."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from maskstream_client.errors import OutputError
from maskstream_client.recordings.head import Head

_SHARE: Final = 4
"""The frames of a section take at most this part of the room."""


class RecordingFile:
    """A recording that is being written; a context manager.

    What is written is complete after each line: a crash costs at most the last one.

    Args:
        path: of the file, which is written over.
        max_bytes: room for it, beside one memory. Beyond that the oldest sections go.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._starts: list[int] = []
        self._first_frame_at = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise self._failure(error) from error

    @property
    def is_section_full(self) -> bool:
        """Whether the next section should begin; never one without a frame."""
        return self._file.tell() - self._first_frame_at >= max(1, self._max_bytes // _SHARE)

    def begin(self, head: Head, state: bytes | None) -> None:
        """Begin a section, with the memory before its first frame; None: there is none."""
        try:
            self._make_room()
        except OSError as error:
            raise self._failure(error) from error
        self._starts.append(self._file.tell())
        self._write(head.to_json())
        text = None if state is None else base64.b64encode(state).decode("ascii")
        self._write({"state": text})
        self._first_frame_at = self._file.tell()

    def add(self, line: Mapping[str, Any]) -> None:
        """Add the line of a frame."""
        self._write(line)

    def _write(self, value: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from error

    def _make_room(self) -> None:
        """Remove old sections, until a further one has room."""
        size, room = self._file.tell(), self._max_bytes - self._max_bytes // _SHARE
        kept = [start for start in self._starts if size - start <= room]
        if len(kept) == len(self._starts):
            return
        start = kept[0] if kept else size
        rest = self._path.with_name(f".{self._path.name}.part")
        with self._path.open("rb") as old, rest.open("wb") as new:
            old.seek(start)
            shutil.copyfileobj(old, new)
        self._file.close()
        rest.replace(self._path)
        self._file = self._path.open("ab")
        self._file.seek(0, os.SEEK_END)
        self._starts = [each - start for each in kept]

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path} cannot be written: {error.strerror}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
