"""Writes a worker's own part of a video's results."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from maskstream_server.jobs.records.record import ResultPart

Line = Callable[[], bytes]
"""Makes the line of one frame, with its newline; its work is done where it is called."""


class PartWriter:
    """Appends lines to a file that no other worker writes; for one thread."""

    def __init__(self, folder: Path, name: str, first_frame: int) -> None:
        self._path = folder / name
        self._first_frame = first_frame
        self._num_bytes = 0
        self._file: BinaryIO | None = None

    def write(self, lines: Iterable[Line]) -> None:
        """Make lines and append them."""
        file = self._open()
        for line in lines:
            self._num_bytes += file.write(line())

    def sync(self) -> ResultPart:
        """Bring all lines to the disk; return how far they go."""
        file = self._open()
        file.flush()
        os.fsync(file.fileno())
        return ResultPart(self._path.name, self._first_frame, self._num_bytes)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("wb")
        return self._file
