"""Bytes of strangers on their way to the disk: never more than allowed, never onto a full one."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from maskstream_server.errors import NoSpaceError, UploadTooLargeError
from maskstream_server.jobs.storage.files import DISK_FULL, FULL

ROOM_CHECK_BYTES = 64 << 20
"""Room is looked for at least so often: others write, too."""


class BoundedWriter:
    """Writes to a file within its own limit and the room that all videos share; blocks.

    Args:
        file: open for writing, at its end.
        look_for_room: checks that so many more bytes have room, and returns how many have.
        max_bytes: of the whole file.
        num_bytes: what is in it already.

    Attributes:
        num_bytes: of the file so far.
    """

    def __init__(
        self,
        file: BinaryIO,
        look_for_room: Callable[[int], int],
        max_bytes: int,
        num_bytes: int = 0,
    ) -> None:
        self.num_bytes = num_bytes
        self._file, self._look_for_room, self._max_bytes = file, look_for_room, max_bytes
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
        with full_disk_told():
            if end > self._checked_bytes:
                room = self._look_for_room(len(data))
                self._checked_bytes = self.num_bytes + min(room, ROOM_CHECK_BYTES)
            self._file.write(data)
        self.num_bytes = end

    def write_through(self, data: bytes) -> None:
        """Write all of `data`, or nothing, for everybody to see; see `write`."""
        self.write(data)
        with full_disk_told():
            self._file.flush()

    def sync(self) -> None:
        """Bring all of it to the disk.

        Raises:
            NoSpaceError: the disk is full.
        """
        with full_disk_told():
            self._file.flush()
            os.fsync(self._file.fileno())


def too_large(max_bytes: int) -> UploadTooLargeError:
    """Return what to say of a file beyond the limit."""
    return UploadTooLargeError(f"The file is larger than this server takes: {max_bytes} bytes.")


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Turn the system's word for a full disk into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpaceError(DISK_FULL) from None
        raise
