"""Downloads the files of a video: each is complete under its name, or absent."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from maskstream_client.errors import ConnectionFailedError, OutputError, RefusedError
from maskstream_client.videos.http import Http, Response
from maskstream_client.videos.retrying import TransientError

DownloadProgress = Callable[[str, int, int], object]
"""Called with the name of a file, and downloaded and total bytes."""
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)")
_PARTIAL: Final = 206
_BEYOND: Final = 416


@dataclass
class Download:
    """One file of a video on its way into a folder.

    What is here of it waits as `.NAME.ID.part` beside its place, for another process too: an id
    is never used twice, and a file that a video has is never changed.
    """

    http: Http
    video: str
    name: str
    folder: Path
    progress: DownloadProgress
    _total: int | None = field(default=None, init=False)

    async def fetch(self) -> Path:
        """Fetch the file, over lost connections.

        Raises:
            OutputError: it cannot be written.
            MaskstreamError, WireError: the server does not give it.
        """
        target, part = self.folder / self.name, self._part
        if not _is_plain(self.name) or target.parent != self.folder:
            raise ConnectionFailedError(f"The server names a file {self.name!r}, which cannot be.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("r+b" if part.exists() else "w+b") as file:
                while not self._is_whole(file):
                    try:
                        await self._continue(file)
                    except TransientError as error:
                        await self.http.wait_to_retry(error)
                await asyncio.to_thread(_sync, file)
            part.replace(target)
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror}.") from error
        finally:
            if part.exists() and part.stat().st_size == 0:
                part.unlink()
        return target

    @property
    def _part(self) -> Path:
        return self.folder / f".{self.name}.{quote(self.video, safe='')}.part"

    def _is_whole(self, file: BinaryIO) -> bool:
        return self._total is not None and file.seek(0, os.SEEK_END) == self._total

    async def _continue(self, file: BinaryIO) -> None:
        """Make one attempt at what is missing."""
        here = file.seek(0, os.SEEK_END)
        # The last byte is asked for again: then there is a range to ask for even if all is here.
        ranged = {"Range": f"bytes={here - 1}-"} if here else {}
        address = self.http.place.video(self.video, "artifacts", self.name)
        try:
            async with self.http.stream(
                "GET", address, headers={"Accept-Encoding": "identity"} | ranged
            ) as answer:
                await self._take(answer, file, here)
        except RefusedError as error:
            if error.status != _BEYOND or not here:
                raise
            file.truncate(0)
            await self.http.wait_to_retry(TransientError(error))

    async def _take(self, answer: Response, file: BinaryIO, here: int) -> None:
        self.http.retry.note_answer()
        here = file.seek(self._start(answer, here))
        file.truncate()
        async for piece in answer.aiter_bytes():
            await asyncio.to_thread(file.write, piece)
            here += len(piece)
            self.http.retry.note_progress()
            self.progress(self.name, here, self._total or here)
        if here != self._total:
            raise TransientError(ConnectionFailedError(f"The end of {self.name} did not come."))

    def _start(self, answer: Response, here: int) -> int:
        """Where an answer begins; it also says how long the file is."""
        if answer.status_code == _PARTIAL:
            span = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            start, total = (int(span[1]), span[2]) if span else (0, "")
        else:
            start, total = 0, answer.headers.get("Content-Length", "")
        if not total.isdecimal() or start > here:
            raise ConnectionFailedError(f"The server does not say how long {self.name} is.")
        self._total = int(total)
        return start


def _is_plain(name: str) -> bool:
    """Whether a server may name a file so: within its folder, and fit to be shown."""
    return bool(name.strip(".")) and "\\" not in name and name.isprintable()


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
