"""Lines of a video for threads that read them while it runs: only what its record counts."""

import threading
from collections.abc import Iterator
from pathlib import Path

from maskstream_server.jobs.records.record import ResultPart, VideoRecord


class FeedStoppedError(Exception):
    """There will be no more lines, though the video has not ended."""


class Feed:
    """Lines for several readers: each iterates over all of them in its own thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._record: VideoRecord | None = None
        self._stopped = False

    def advance(self, record: VideoRecord) -> None:
        """Let the lines that a newer record counts go out."""
        with self._changed:
            self._record = record
            self._changed.notify_all()

    def stop(self) -> None:
        """Raise `FeedStoppedError` in all iterations."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def first(self) -> VideoRecord:
        """Return the first record that counts lines, or says that there are none; blocks for it.

        Raises:
            FeedStoppedError: there will be none.
        """
        return self._newer(0)

    def __iter__(self) -> Iterator[bytes]:
        """Yield every line; blocks for those to come."""
        read: dict[str, int] = {}
        num_read, complete = 0, False
        while not complete:
            record = self._newer(num_read)
            for part in record.parts:
                yield from self._lines(part, read.get(part.name, 0))
                read[part.name] = part.num_bytes
            num_read, complete = record.next_frame, record.all_frames

    def _newer(self, num_read: int) -> VideoRecord:
        """Wait for a record that counts more than so many lines, or all that there are."""
        with self._changed:
            while not self._stopped:
                record = self._record
                if record is not None and (record.all_frames or record.next_frame > num_read):
                    return record
                self._changed.wait()
        raise FeedStoppedError

    def _lines(self, part: ResultPart, start: int) -> Iterator[bytes]:
        left = part.num_bytes - start
        with (self._folder / part.name).open("rb") as file:
            file.seek(start)
            while left > 0:
                if self._stopped:
                    raise FeedStoppedError
                line = file.readline(left)
                if not line:
                    raise OSError(f"{part.name} is shorter than its record says")
                left -= len(line)
                yield line
