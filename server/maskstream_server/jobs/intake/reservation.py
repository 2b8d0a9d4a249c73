"""Room for what is still to come: what uploads and fetches have announced counts as taken.

    .incoming/{id}/claim    bytes of the whole file, and the silence in seconds that ends the claim:
                            after its last byte, and before its first

What has come of a file lies in its `data` and is counted there; the rest is the claim's. A claim
needs no end of its own: it goes with its folder, or lapses when nothing more comes. All processes
that share the folder see it, and decide one after another by a lock on a file: whatever dies
leaves that lock.
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

from maskstream_server.jobs.intake.writing import ROOM_CHECK_BYTES
from maskstream_server.jobs.storage.files import DATA, INCOMING, VideoFiles

log = structlog.get_logger(__name__)

CLAIM = "claim"
LOCK = ".lock"
"""No id is like that."""
LOCK_S, LOCK_POLL_S = 10.0, 0.005
SILENCE_S = 300.0
"""A form or a fetch that has brought nothing for so long, for instance to a process that died,
claims nothing; should more come after all, it must find its room free."""


@dataclass(frozen=True)
class Reservation:
    """The room of one file that is coming in, before its bytes are there.

    Attributes:
        files: where it comes to.
        upload: under which it lies; the folder must be there.
        silence_s: how long after its last byte the claim still holds.
        unbegun_s: how long it holds while nothing has come.
    """

    files: VideoFiles
    upload: str
    silence_s: float
    unbegun_s: float = SILENCE_S

    def announce(self, num_bytes: int | None) -> Callable[[int], int]:
        """Take room for a whole file; where nobody knows its length, bit by bit as it grows.

        Returns:
            what looks for room while it is written (see `BoundedWriter`).

        Raises:
            NoSpaceError: there is none; see `take`.
        """
        if num_bytes is None:
            return partial(self.take, at_most=ROOM_CHECK_BYTES)
        self.take(num_bytes, num_bytes)
        return self.files.check_room

    def take(self, at_least: int, at_most: int) -> int:
        """Take room for more bytes, in place of what was claimed before; return how many.

        Args:
            at_least: bytes that must have room.
            at_most: bytes that are taken where all of them have room.

        Raises:
            NoSpaceError: the disk or the quota would be full, once all that is claimed has come.
        """
        with _alone(self.files):
            taken = min(unclaimed_room(self.files, at_least, self.upload), at_most)
            folder = self.files.incoming(self.upload)
            total = _size(folder / DATA) + taken
            (folder / CLAIM).write_text(f"{total} {self.silence_s} {self.unbegun_s}")
        return taken


def unclaimed_room(files: VideoFiles, num_bytes: int = 0, besides: str | None = None) -> int:
    """Check that so many more bytes have room beside all claims but one; return how many have.

    Raises:
        NoSpaceError: the disk or the quota would be full, once all that is claimed has come.
    """
    others = [files.incoming(each) for each in files.uploads() if each != besides]
    now_s = files.now_s()
    claimed = sum(_claimed(folder, now_s) for folder in others)
    return files.check_room(num_bytes + claimed) - claimed


def _claimed(folder: Path, now_s: float) -> int:
    """Return how many bytes are still to come into a folder."""
    try:
        total, *silences_s = (folder / CLAIM).read_text().split()
        newest_s = max(path.stat().st_mtime for path in folder.iterdir())
        num_bytes = _size(folder / DATA)
        lapsed = now_s - newest_s > float(silences_s[0 if num_bytes else -1])
        return 0 if lapsed else max(0, int(total) - num_bytes)
    except (OSError, ValueError, IndexError):  # without a claim, or gone meanwhile
        return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _alone(files: VideoFiles) -> Iterator[None]:
    """Keep all others that share the folder from taking room.

    One that stands still with the lock is not waited for longer than `LOCK_S`: then two might take
    the same room, which they find out when they write.
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
