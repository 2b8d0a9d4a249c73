"""Writes what clients send to the disk: never more than allowed, never onto a full one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import BinaryIO

from maskstream_server.errors import NoSpaceError, UploadTooLargeError
from maskstream_server.jobs.intake.reservation import CHECK_BYTES, Reservation
from maskstream_server.jobs.storage.files import DATA, DISK_FULL, FULL, VideoFiles


class BoundedWriter:
    """Writes to a file within its own limit and the space that all videos share; blocks.

    Args:
        file: open for writing, at its end.
        check_space: checks that so many more bytes have space, and returns how many have.
        max_bytes: of the whole file.
        num_bytes: what is in it already.

    Attributes:
        num_bytes: of the file so far.
    """

    def __init__(
        self,
        file: BinaryIO,
        check_space: Callable[[int], int],
        max_bytes: int,
        num_bytes: int = 0,
    ) -> None:
        self.num_bytes = num_bytes
        self._file, self._check_space, self._max_bytes = file, check_space, max_bytes
        self._checked_bytes = num_bytes

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`, or nothing.

        Raises:
            UploadTooLargeError: the file would be larger than allowed.
            NoSpaceError: the disk or the quota would be full.
        """
        end = self.num_bytes + len(data)
        if end > self._max_bytes:
            raise too_large(self._max_bytes)
        with translates_full_disk():
            if end > self._checked_bytes:
                free = self._check_space(len(data))
                self._checked_bytes = self.num_bytes + min(free, CHECK_BYTES)
            self._file.write(data)
        self.num_bytes = end

    def write_through(self, data: bytes) -> None:
        """Write all of `data`, or nothing, visible to other processes; see `write`."""
        self.write(data)
        with translates_full_disk():
            self._file.flush()

    def sync(self) -> None:
        """Bring all of it to the disk.

        Raises:
            NoSpaceError: the disk is full.
        """
        with translates_full_disk():
            self._file.flush()
            os.fsync(self._file.fileno())


@asynccontextmanager
async def incoming_file(
    files: VideoFiles, upload: str, max_bytes: int, num_bytes: int | None
) -> AsyncIterator[BoundedWriter]:
    """Open the file of a new upload; it is on the disk after the block, or gone where that fails.

    Args:
        files: of videos.
        upload: under which it comes in.
        max_bytes: of the file.
        num_bytes: how long it will be, None where that is not known: its space is reserved.

    Raises:
        NoSpaceError: there is none.
    """
    folder = files.incoming(upload)
    try:
        await asyncio.to_thread(folder.mkdir)
        check_space = await asyncio.to_thread(Reservation(files, upload).announce, num_bytes)
        with (folder / DATA).open("wb") as file:
            writer = BoundedWriter(file, check_space, max_bytes)
            yield writer
            await asyncio.to_thread(writer.sync)
    except BaseException:
        await asyncio.to_thread(files.forget, upload)
        raise


def too_large(max_bytes: int) -> UploadTooLargeError:
    """Return the error for a file beyond the limit."""
    return UploadTooLargeError(f"The file is larger than this server takes: {max_bytes} bytes.")


@contextmanager
def translates_full_disk() -> Iterator[None]:
    """Turn the system's errors for a full disk into `NoSpaceError`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpaceError(DISK_FULL) from None
        raise
