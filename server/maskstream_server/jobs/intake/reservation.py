"""Reserves disk space for what is still to come of uploads and fetches.

    .incoming/{id}/claim    bytes of the whole file, and the silence in seconds that ends the
                            reservation: after its last byte, and before its first

What has come of a file is in its `data` and is counted there; the reservation covers the rest.
It needs no end of its own: it goes with its folder, or lapses when nothing more comes. All
processes that share the folder see it, and decide one after another by a lock on a file, which the
system releases with a process that dies.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog

from maskstream_server.jobs.storage.files import DATA, INCOMING, VideoFiles, size_of

log = structlog.get_logger(__name__)

CLAIM = "claim"
LOCK = ".lock"
"""No id is like that."""
LOCK_S, LOCK_POLL_S = 10.0, 0.005
CHECK_BYTES = 64 << 20
"""Space is checked at least so often: others write, too."""
SILENCE_S = 300.0
"""A form or a fetch that has brought nothing for so long, for instance to a process that died,
reserves nothing; should more come after all, its space must be free then."""


@dataclass(frozen=True)
class Reservation:
    """The space of one file that is coming in, before its bytes are there.

    Attributes:
        files: where it comes to.
        upload: under which it is; the folder must be there.
        silence_s: how long after its last byte the reservation still holds.
        unbegun_s: how long it holds while nothing has come.
    """

    files: VideoFiles
    upload: str
    silence_s: float = SILENCE_S
    unbegun_s: float = SILENCE_S

    def announce(self, num_bytes: int | None) -> Callable[[int], int]:
        """Reserve a whole file; one of unknown length bit by bit as it grows.

        Returns:
            what checks the space while the file is written (see `BoundedWriter`).

        Raises:
            NoSpaceError: there is none; see `take`.
        """
        if num_bytes is None:
            return partial(self.take, at_most=CHECK_BYTES)
        self.take(num_bytes, num_bytes)
        return self.files.check_space

    def take(self, at_least: int, at_most: int) -> int:
        """Reserve more bytes, in place of what was reserved before; return how many.

        Args:
            at_least: bytes that must have space.
            at_most: bytes that are reserved where all of them have space.

        Raises:
            NoSpaceError: the disk or the quota would be full, once all that is reserved has come.
        """
        with _locked(self.files):
            taken = min(unreserved_space(self.files, at_least, self.upload), at_most)
            folder = self.files.incoming(self.upload)
            total = size_of(folder / DATA) + taken
            (folder / CLAIM).write_text(f"{total} {self.silence_s} {self.unbegun_s}")
        return taken


def unreserved_space(files: VideoFiles, num_bytes: int = 0, besides: str | None = None) -> int:
    """Check that so many bytes have space beside all reservations but one; return how many have.

    Raises:
        NoSpaceError: the disk or the quota would be full, once all that is reserved has come.
    """
    others = [files.incoming(each) for each in files.uploads() if each != besides]
    now_s = files.now_s()
    reserved = sum(_reserved_bytes(folder, now_s) for folder in others)
    return files.check_space(num_bytes + reserved) - reserved


def _reserved_bytes(folder: Path, now_s: float) -> int:
    """Return how many bytes are still to come into a folder."""
    try:
        total, *silences_s = (folder / CLAIM).read_text().split()
        newest_s = max(path.stat().st_mtime for path in folder.iterdir())
        num_bytes = size_of(folder / DATA)
        lapsed = now_s - newest_s > float(silences_s[0 if num_bytes else -1])
        return 0 if lapsed else max(0, int(total) - num_bytes)
    except (OSError, ValueError, IndexError):  # without a reservation, or gone meanwhile
        return 0


@contextmanager
def _locked(files: VideoFiles) -> Iterator[None]:
    """Keep all others that share the folder from reserving.

    A process that is stopped with the lock is not waited for longer than `LOCK_S`: then two might
    reserve the same space, which they find out when they write.
    """
    until_s = time.monotonic() + LOCK_S
    with (files.root / INCOMING / LOCK).open("wb") as file:
        while not _locks(file):
            if time.monotonic() > until_s:
                log.warning("lock_not_had", file=file.name)
                break
            time.sleep(LOCK_POLL_S)
        yield


def _locks(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
