"""Makes the files of a video in threads of their own, while its lines are still coming."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from maskstream_exports.formats import FORMATS
from maskstream_exports.formats import Writer as ResultsWriter
from maskstream_server.jobs.artifacts.feed import Feed
from maskstream_server.jobs.artifacts.material import Material
from maskstream_server.jobs.artifacts.overlay import write_overlay
from maskstream_server.jobs.processing.decoding import in_thread
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.storage.disk import sync
from maskstream_server.media.precedence import lower_priority


def _write_results(write: ResultsWriter, material: Material, target: Path) -> None:
    results = material.results()  # waits; meanwhile another file may fail, and clear up
    target.parent.mkdir(exist_ok=True)
    write(results, target)


Writer = Callable[[Material, Path], str | None]
"""Writes a file; returns one sentence where it is not whole."""
WRITERS: Mapping[str, Writer] = {
    "overlay.mp4": write_overlay,
    **{name: partial(_write_results, write) for name, write in FORMATS.items()},
}
"""How each of `options.ARTIFACTS` is made."""
DRAFTS = "drafts"


def clear_drafts(folder: Path) -> None:
    """Remove what workers that were killed have left of files under way."""
    for left in folder.glob(f"{DRAFTS}-*"):
        shutil.rmtree(left, ignore_errors=True)


class Making:
    """The artifacts of one job; they appear under their names when all are complete."""

    def __init__(
        self, record: VideoRecord, folder: Path, material: Callable[[Feed], Material]
    ) -> None:
        self._folder = folder
        self._names = record.options.artifacts
        self._drafts = folder / f"{DRAFTS}-{record.fence}"
        self._is_stopped = False
        self._feed = Feed(folder)
        num_threads = max(1, len(self._names))
        self._threads = ThreadPoolExecutor(num_threads, "video-artifact", lower_priority)
        clear_drafts(folder)
        self._files = [
            in_thread(self._threads, partial(self._make, name, material(self._feed)))
            for name in self._names
        ]

    def advance(self, record: VideoRecord) -> None:
        """Let the lines that count now go into the files; raises what a file has failed with."""
        self._feed.advance(record)
        for file in self._files:
            if file.done():
                file.result()

    async def finish(self) -> str | None:
        """Wait for all files, after the last lines; return what is not whole about them.

        Raises:
            OverflowError: a value does not fit into a format.
            MediaError: the video cannot be read once more.
        """
        sentences = await asyncio.gather(*self._files)
        await in_thread(self._threads, self._publish)
        return " ".join(filter(None, sentences)) or None

    def _publish(self) -> None:
        """Give all files their names; both are on the disk then."""
        for name in self._names:
            sync(self._drafts / name)
            (self._drafts / name).replace(self._folder / name)
        sync(self._folder)
        shutil.rmtree(self._drafts, ignore_errors=True)

    def stop(self) -> None:
        """End what is still under way, and leave nothing of it; returns at once."""
        self._is_stopped = True
        self._feed.stop()
        self._threads.shutdown(wait=False)
        self._remove_drafts()

    def _make(self, name: str, material: Material) -> str | None:
        self._drafts.mkdir(exist_ok=True)
        draft = self._drafts / name
        try:
            return WRITERS[name](material, draft)
        except BaseException:
            draft.unlink(missing_ok=True)
            # Not before: a file that is about to begin would fail with another error than this.
            if self._is_stopped:
                self._remove_drafts()
            raise

    def _remove_drafts(self) -> None:
        with suppress(OSError):  # others are in it, or it is gone
            self._drafts.rmdir()
