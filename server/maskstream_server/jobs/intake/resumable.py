"""Uploads that may break off and continue: the core of tus 1.0 on a folder, without HTTP.

    .incoming/{id}/info.json    length, name and metadata, as they were announced
    .incoming/{id}/data         what has come; its size is the offset, nothing else is
    .incoming/{id}/claim        see `reservation`: until the upload is a video, or expires

So a stated offset is always true, also after a crash; and what it counts stays as it is:
of several requests, at several servers, that write to one upload, each only appends (see
`appending`). A request that was stalled and continues late is refused, also once a video was made
of it.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from maskstream_server.errors import (
    BadUploadError,
    OffsetError,
    UploadTooLargeError,
    UploadUnknownError,
)
from maskstream_server.jobs.intake.appending import AppendingFile
from maskstream_server.jobs.intake.reservation import Reservation
from maskstream_server.jobs.intake.upload import in_blocks
from maskstream_server.jobs.intake.writing import BoundedWriter, too_large, translates_full_disk
from maskstream_server.jobs.records.ids import new_id
from maskstream_server.jobs.storage.availability import checks_folder
from maskstream_server.jobs.storage.disk import sync
from maskstream_server.jobs.storage.files import DATA, VideoFiles

INFO = "info.json"
BEGIN_S = 600.0


@dataclass(frozen=True)
class Announcement:
    """What a client says of an upload before it begins.

    Attributes:
        metadata: as the client wrote it; it gets the same back.
        options: of the video that it is for, as JSON text; None where nothing was said of them.
    """

    length: int
    name: str
    metadata: str = ""
    options: str | None = None


@dataclass(frozen=True)
class ResumableUpload:
    """How far an upload has come.

    Attributes:
        id: letters and digits.
        expires_s: Unix time at which it is forgotten, if nothing more comes.
    """

    id: str
    announced: Announcement
    offset: int
    expires_s: float

    @property
    def finished(self) -> bool:
        """Whether all has come."""
        return self.offset == self.announced.length


@dataclass(frozen=True)
class ResumableUploads:
    """The uploads of all servers that share a folder.

    Attributes:
        expiry_s: how long an upload waits for more.
        begin_s: how long it waits for its first byte, where that is less.
        now_s: Unix time, for ids; ages are judged by that of `files`.
    """

    files: VideoFiles
    max_bytes: int
    expiry_s: float
    begin_s: float = BEGIN_S
    random_bytes: Callable[[int], bytes] = os.urandom
    now_s: Callable[[], float] = time.time

    @checks_folder
    async def create(self, announced: Announcement) -> ResumableUpload:
        """Begin an upload.

        Raises:
            BadUploadError: it would be empty.
            UploadTooLargeError: it would be larger than allowed.
            NoSpaceError: there is no space for it.
        """
        if announced.length == 0:
            raise BadUploadError("The file is empty.")
        if announced.length > self.max_bytes:
            raise too_large(self.max_bytes)
        upload = new_id(self.now_s(), self.random_bytes)
        await asyncio.to_thread(self._create, upload, announced)
        return await self.find(upload)

    @checks_folder
    async def find(self, upload: str) -> ResumableUpload:
        """Return how far an upload has come.

        Raises:
            UploadUnknownError: there is none.
        """
        return await asyncio.to_thread(self._find, upload)

    @checks_folder
    async def append(
        self, upload: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> ResumableUpload:
        """Write what comes, as far as it comes, from `offset` on.

        Raises:
            UploadUnknownError: there is none.
            OffsetError: it does not end at `offset`, or another request lets it grow, too.
            UploadTooLargeError: more comes than was announced.
            NoSpaceError: there is no space for it; what had come before stays.
        """
        found = await self.find(upload)
        if offset != found.offset:
            raise OffsetError(f"The upload goes on at byte {found.offset}, not at {offset}.")
        if not found.finished:
            await self._write(found, chunks)
        return await self.find(upload)

    async def remove(self, upload: str) -> None:
        """Forget an upload.

        Raises:
            UploadUnknownError: there is none.
        """
        await self.find(upload)
        await asyncio.to_thread(self.files.forget, upload)

    def waits_s(self, num_bytes: int) -> float:
        """Return how long an upload of which so many bytes have come waits for more."""
        return self.expiry_s if num_bytes else min(self.begin_s, self.expiry_s)

    def _create(self, upload: str, announced: Announcement) -> None:
        folder = self.files.incoming(upload)
        folder.mkdir()
        try:
            with translates_full_disk():
                space = Reservation(self.files, upload, self.waits_s(1), self.waits_s(0))
                space.announce(announced.length)
                (folder / INFO).write_text(json.dumps(asdict(announced)))
                (folder / DATA).touch()
                for path in (folder / INFO, folder, folder.parent):
                    sync(path)
        except BaseException:
            self.files.forget(upload)
            raise

    def _find(self, upload: str) -> ResumableUpload:
        folder = self.files.incoming(upload)
        try:
            announced = Announcement(**json.loads((folder / INFO).read_bytes()))
            data = (folder / DATA).stat()
        except (OSError, ValueError, TypeError):
            raise UploadUnknownError(upload) from None
        expires_s = data.st_mtime + self.waits_s(data.st_size)
        if expires_s <= self.files.now_s():
            raise UploadUnknownError(upload)
        return ResumableUpload(upload, announced, data.st_size, expires_s)

    async def _write(self, found: ResumableUpload, chunks: AsyncIterable[bytes]) -> None:
        path = self.files.incoming(found.id) / DATA
        with await asyncio.to_thread(_open_at, path, found) as file:
            length = found.announced.length
            writer = BoundedWriter(file, self.files.check_space, length, found.offset)
            try:
                async for block in in_blocks(chunks):
                    await asyncio.to_thread(writer.write_through, block)
            except UploadTooLargeError:
                raise UploadTooLargeError(
                    f"More has come than the {length} bytes that were announced."
                ) from None
            finally:
                await asyncio.to_thread(writer.sync)


def _open_at(path: Path, found: ResumableUpload) -> AppendingFile:
    try:
        return AppendingFile(path, found.offset)
    except FileNotFoundError:
        raise UploadUnknownError(found.id) from None
