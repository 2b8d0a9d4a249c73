"""Where the files of videos are, and whether there is space for more."""

import errno
import math
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from maskstream_model.atomic_writes import atomic_write
from maskstream_server.errors import (
    FileGoneError,
    JobFailedError,
    NoSpaceError,
    UploadUnknownError,
    VideoUnknownError,
)
from maskstream_server.jobs.records.record import ResultPart, VideoRecord
from maskstream_server.jobs.storage.disk import sync
from maskstream_server.jobs.storage.lines import read_lines
from maskstream_server.jobs.storage.quarantine import Quarantine
from maskstream_server.jobs.storage.remote import RemoteFile

SOURCE = "source"
INCOMING = ".incoming"
CLOCK = ".clock"
OWNER = ".store"
"""No id is like these."""
DATA = "data"
ORPHAN_S = 60.0
"""A folder has no record for a moment only, while its video is handed in."""
FULL = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL = "The disk of the server is full; delete videos, or try later."
QUOTA_FULL = "The quota of videos is used up; delete some, or try later."


class VideoFiles:
    """A folder for each video under `root`, and one for each file that is still coming in.

    Many servers may share `root`: what takes effect does so in one step of the file system.

    Args:
        root: made where it is not there.
        quota_bytes: what all videos together may take; None for no bound.
        min_free_bytes: what must stay free on the disk.

    Attributes:
        landing: the folder of uploads under way.
        quarantine: where videos go that have no record.
    """

    def __init__(self, root: Path, quota_bytes: int | None, min_free_bytes: int) -> None:
        self.root = root
        self._quota_bytes = quota_bytes
        self._min_free_bytes = min_free_bytes
        self.landing = root / INCOMING
        self.landing.mkdir(parents=True, exist_ok=True)
        self.quarantine = Quarantine(root, self.now_s)

    def folder(self, video: str) -> Path:
        """Return the folder of a video, whether it is there or not.

        Raises:
            VideoUnknownError: no id is like that.
        """
        if not _is_id(video):
            raise VideoUnknownError(video)
        return self.root / video

    def incoming(self, upload: str) -> Path:
        """Return the folder of a file that is coming in, whether it is there or not.

        Raises:
            UploadUnknownError: no id is like that.
        """
        if not _is_id(upload):
            raise UploadUnknownError(upload)
        return self.landing / upload

    def now_s(self) -> float:
        """Return the Unix time by which files here are dated; ages are judged by it alone."""
        clock = self.landing / CLOCK
        clock.touch()  # files there are dated by the clock of their file server
        return clock.stat().st_mtime

    def create(self, video: str) -> Path:
        """Make the folder of a new video and return where its source goes."""
        folder = self.folder(video)
        folder.mkdir()
        return folder / SOURCE

    def accept(self, upload: str | None, video: str) -> None:
        """Make a new video, and a file that has come in its source; it is on the disk then.

        Raises:
            UploadUnknownError: it is not there (any more); nothing was made.
        """
        source = self.create(video)
        if upload is not None:
            try:
                (self.incoming(upload) / DATA).rename(source)
            except FileNotFoundError:
                self.remove(video)
                raise UploadUnknownError(upload) from None
            sync(source)
            sync(source.parent)
        sync(self.root)

    def give_back(self, video: str, upload: str | None) -> None:
        """Undo `accept`."""
        if upload is not None:
            self.source(video).rename(self.incoming(upload) / DATA)
        self.remove(video)

    def source(self, video: str) -> Path:
        """Return where the uploaded file of a video is."""
        return self.folder(video) / SOURCE

    def remove(self, video: str) -> None:
        """Remove all files of a video; what is gone already is no error."""
        shutil.rmtree(self.folder(video), ignore_errors=True)

    def forget(self, upload: str) -> None:
        """Remove what has come in of a file; what is gone already is no error."""
        shutil.rmtree(self.incoming(upload), ignore_errors=True)

    # What a worker does, under the fence of its claim. Here all of it is where it stays.

    def workplace(self, record: VideoRecord) -> Path:
        """Return the folder in which a worker works on a video."""
        return self.folder(record.id)

    def bring(self, record: VideoRecord) -> None:
        """Bring the source and the results so far into the workplace.

        Raises:
            JobFailedError: they have been removed.
        """
        folder = self.workplace(record)
        found = not record.num_bytes or (folder / SOURCE).exists()  # else it has to be fetched
        if not found or any(size_of(folder / part.name) < part.num_bytes for part in record.parts):
            raise JobFailedError("The files of the video are not there any more.")

    def keep_source(self, record: VideoRecord) -> None:
        """Make a source that was fetched outlive this machine."""
        sync(self.workplace(record))

    def keep_lines(self, record: VideoRecord, part: ResultPart) -> None:
        """Make the lines of `part` that `record` does not count yet outlive this machine."""
        if all(part.name != old.name for old in record.parts):
            sync(self.workplace(record))

    def keep_artifacts(self, record: VideoRecord) -> None:
        """Make all artifacts outlive this machine."""

    def leave(self, record: VideoRecord) -> None:
        """Clear the workplace of what is kept elsewhere."""

    # What clients read.

    def lines(self, record: VideoRecord, after: int) -> Iterator[bytes]:
        """Yield the lines of results after the one of number `after`; see `read_lines`.

        Raises:
            FileGoneError: not all of them are there; before the first is read.
        """
        folder = self.folder(record.id)
        if any(size_of(folder / part.name) < part.num_bytes for part in record.parts):
            raise FileGoneError("results of the video")
        return read_lines(folder, record.parts, after)

    def artifact(self, record: VideoRecord, name: str) -> Path | RemoteFile:
        """Return an artifact that the record has.

        Raises:
            FileGoneError: it is not there.
        """
        path = self.folder(record.id) / name
        if not path.is_file():
            raise FileGoneError(f"the file {name!r}")
        return path

    def check_space(self, num_bytes: int = 0) -> int:
        """Check that so many more bytes have space; return how many have.

        Raises:
            NoSpaceError: the disk or the quota would be full.
        """
        free = shutil.disk_usage(self.root).free - self._min_free_bytes
        if free < num_bytes:
            raise NoSpaceError(DISK_FULL)
        if self._quota_bytes is None:
            return free
        left = self._quota_bytes - self.used_bytes()
        if left < num_bytes:
            raise NoSpaceError(QUOTA_FULL)
        return min(free, left)

    def used_bytes(self) -> int:
        """Return the bytes of all files."""
        return sum(
            size_of(os.path.join(folder, name))
            for folder, _, names in os.walk(self.root)
            for name in names
        )

    def videos(self) -> list[str]:
        """Return the ids of all videos that have a folder."""
        return [entry.name for entry in os.scandir(self.root) if _is_id(entry.name)]

    def uploads(self) -> list[str]:
        """Return the ids of all files that are coming in."""
        return [entry.name for entry in os.scandir(self.landing) if _is_id(entry.name)]

    def strays(self, known: Collection[str]) -> list[str]:
        """Return the videos that are not `known` and have not been written of late, oldest first.

        Args:
            known: all videos that have a record.
        """
        now_s = self.now_s()
        return sorted(
            video
            for video in self.videos()
            if video not in known and now_s - newest_write_s(self.root / video) > ORPHAN_S
        )

    def clear_workplaces(self, known: Mapping[str, int | None]) -> None:
        """Remove workplaces of claims that are over.

        Args:
            known: all videos that have a record, with its fence; None where it cannot be read.
        """

    def owner(self) -> str | None:
        """Return the name of the store whose videos these are; None where it has none yet."""
        try:
            return (self.root / OWNER).read_text().strip() or None
        except FileNotFoundError:
            return None

    def set_owner(self, identity: str) -> None:
        """Say whose videos these are."""
        with atomic_write(self.root / OWNER) as temporary:
            temporary.write_text(identity)
            sync(temporary)
        sync(self.root)

    def remove_abandoned(self, expiry_s: float, begin_s: float | None = None) -> list[str]:
        """Remove what has come in of files of which nothing more has come for so long.

        Args:
            expiry_s: time since the last byte.
            begin_s: time since the beginning, where nothing has come at all; None: the same.
        """
        begin_s = expiry_s if begin_s is None else begin_s
        now_s = self.now_s()
        abandoned = [
            upload
            for upload in self.uploads()
            if now_s - newest_write_s(self.landing / upload)
            > (expiry_s if size_of(self.landing / upload / DATA) else begin_s)
        ]
        for upload in abandoned:
            self.forget(upload)
        return abandoned


def _is_id(name: str) -> bool:
    return name.isascii() and name.isalnum()


def size_of(path: str | Path) -> int:
    """Return the bytes of a file, 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:  # removed meanwhile
        return 0


def newest_write_s(folder: Path) -> float:
    """Return the time of the last write to a folder or a file in it; infinite if it is gone."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return math.inf
