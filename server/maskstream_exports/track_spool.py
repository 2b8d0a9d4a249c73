"""Texts of many tracks that come frame by frame and are wanted track by track."""

import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self


class TrackSpool:
    """Keeps texts in a temporary file, so that memory does not grow with them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        # Number, offset and length of each text.
        self._places: dict[int, array[int]] = {}

    @classmethod
    @contextmanager
    def beside(cls, target: Path) -> Iterator[Self]:
        """Open one in the folder of a file that is being written."""
        with tempfile.TemporaryFile(dir=target.parent) as file:
            yield cls(file)

    def add(self, track_id: int, number: int, text: str) -> None:
        """Keep a text of a track, under a number."""
        data = text.encode()
        places = self._places.setdefault(track_id, array("q"))
        places.extend((number, self._file.tell(), len(data)))
        self._file.write(data)

    def texts(self, track_id: int) -> Iterator[tuple[int, str]]:
        """Yield the texts of a track with their numbers, in the order in which they came.

        Read only when no text is to come any more.
        """
        places = self._places.get(track_id, array("q"))
        for number, offset, length in zip(*(places[start::3] for start in range(3)), strict=True):
            self._file.seek(offset)
            yield number, self._file.read(length).decode()
