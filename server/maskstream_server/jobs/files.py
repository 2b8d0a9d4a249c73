"""Where the files of videos lie, and whether there is room for more."""

import os
import shutil
import time
from collections.abc import Container
from pathlib import Path

from maskstream_server.jobs.errors import NoSpaceError, VideoUnknownError

SOURCE = "source"
ORPHAN_S = 3600.0
"""A folder without a record may be an upload under way; after so long without a write it is not."""


class VideoFiles:
    """A folder for each video under `root`.

    Args:
        root: made where it is not there.
        quota_bytes: what all videos together may take; None for no bound.
        min_free_bytes: what must stay free on the disk.
    """

    def __init__(self, root: Path, quota_bytes: int | None, min_free_bytes: int) -> None:
        self.root = root
        self._quota_bytes = quota_bytes
        self._min_free_bytes = min_free_bytes
        root.mkdir(parents=True, exist_ok=True)

    def folder(self, video: str) -> Path:
        """Return the folder of a video, whether it is there or not.

        Raises:
            VideoUnknownError: no id is like that.
        """
        if not (video.isascii() and video.isalnum()):
            raise VideoUnknownError(video)
        return self.root / video

    def create(self, video: str) -> Path:
        """Make the folder of a new video and return where its source goes."""
        folder = self.folder(video)
        folder.mkdir()
        return folder / SOURCE

    def source(self, video: str) -> Path:
        """Return where the uploaded file of a video is."""
        return self.folder(video) / SOURCE

    def remove(self, video: str) -> None:
        """Remove all files of a video; what is gone already is no error."""
        shutil.rmtree(self.folder(video), ignore_errors=True)

    def check_room(self, num_bytes: int = 0) -> None:
        """Check that so many more bytes have room.

        Raises:
            NoSpaceError: the disk or the quota would be full.
        """
        if shutil.disk_usage(self.root).free - num_bytes < self._min_free_bytes:
            raise NoSpaceError("The disk of the server is full; delete videos, or try later.")
        if self._quota_bytes is not None and self.used_bytes() + num_bytes > self._quota_bytes:
            raise NoSpaceError("The quota of videos is used up; delete some, or try later.")

    def used_bytes(self) -> int:
        """Return the bytes of all files."""
        return sum(
            _size(os.path.join(folder, name))
            for folder, _, names in os.walk(self.root)
            for name in names
        )

    def videos(self) -> list[str]:
        """Return the ids of all videos that have a folder."""
        return [entry.name for entry in os.scandir(self.root) if entry.name.isalnum()]

    def remove_orphans(self, known: Container[str]) -> list[str]:
        """Remove the folders of videos that are not `known` and have not been written of late."""
        now_s = time.time()
        orphans = [
            video
            for video in self.videos()
            if video not in known and now_s - _newest_write_s(self.root / video) > ORPHAN_S
        ]
        for video in orphans:
            self.remove(video)
        return orphans


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # removed meanwhile
        return 0


def _newest_write_s(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return time.time()
