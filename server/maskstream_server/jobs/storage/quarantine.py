"""Where the files of a video without a record wait, until a record turns up or their time is over.

In a folder they are moved to `.quarantine/`. Objects cannot be moved, only copied: in a bucket an
object `.quarantine/{video}` marks a video, whose objects stay where they are.
"""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from maskstream_server.jobs.storage.bucket import Bucket

QUARANTINE: Final = ".quarantine"
"""No id is like that."""
EXISTS: Final = (errno.ENOTEMPTY, errno.EEXIST)


class Quarantine:
    """Videos without a record; calls block, and succeed if another server has done the same."""

    def __init__(self, root: Path, now_s: Callable[[], float]) -> None:
        self._root, self._folder, self._now_s = root, root / QUARANTINE, now_s

    def put(self, video: str) -> None:
        """Put a video in."""
        self._folder.mkdir(exist_ok=True)
        try:
            os.utime(self._root / video)  # its time in quarantine begins
        except FileNotFoundError:
            return
        _move(self._root / video, self._folder / video)

    def take_back(self, video: str) -> None:
        """Put the files of a video where they were; where they have been restored, those stay."""
        _move(self._folder / video, self._root / video)

    def videos(self) -> list[str]:
        """Return the ids of all videos in it."""
        return sorted(os.listdir(self._folder)) if self._folder.exists() else []

    def clear(self, keep_s: float) -> list[str]:
        """Delete what has been in it for so long; return the ids."""
        videos = self.videos()
        now_s = self._now_s() if videos else 0.0
        over = [video for video in videos if now_s - self._since_s(video, now_s) > keep_s]
        for video in over:
            shutil.rmtree(self._folder / video, ignore_errors=True)
        return over

    def _since_s(self, video: str, now_s: float) -> float:
        try:
            return (self._folder / video).stat().st_mtime
        except FileNotFoundError:
            return now_s


class BucketQuarantine(Quarantine):
    """A `Quarantine` by marks in a bucket; every call may raise `StoreUnreachableError`."""

    def __init__(self, bucket: "Bucket") -> None:
        self._bucket = bucket

    def put(self, video: str) -> None:
        """See `Quarantine.put`."""
        self._bucket.write(f"{QUARANTINE}/{video}", b"")

    def take_back(self, video: str) -> None:
        """See `Quarantine.take_back`."""
        self._bucket.remove(f"{QUARANTINE}/{video}")

    def videos(self) -> list[str]:
        """See `Quarantine.videos`."""
        return [_video_of(mark.name) for mark in self._bucket.below(QUARANTINE)]

    def clear(self, keep_s: float) -> list[str]:
        """See `Quarantine.clear`."""
        marks = self._bucket.below(QUARANTINE)
        now_s = self._bucket.now_s() if marks else 0.0
        over = [_video_of(mark.name) for mark in marks if now_s - mark.modified_s > keep_s]
        for video in over:
            self._bucket.remove(video)
            self.take_back(video)
        return over


def _video_of(mark: str) -> str:
    return mark.rpartition("/")[2]


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:  # by another server
        return
    except OSError as error:
        if error.errno not in EXISTS:
            raise
