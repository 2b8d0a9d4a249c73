"""Shows the progress of a pull on a terminal, or as log lines where there is none."""

import sys
import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from maskstream_model.errors import DownloadError
from maskstream_model.releases import Release
from maskstream_model.weightfiles.progress_log import ProgressLog


class Terminal:
    """Shows sentences and progress on stderr.

    Args:
        agrees: to any caution, which is still shown; if false, cautions are confirmed at a prompt.
        clock: monotonic, in seconds.
    """

    def __init__(self, agrees: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._agrees = agrees
        self._console = Console(stderr=True)
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._log = ProgressLog(clock)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def say(self, sentence: str) -> None:
        """Print a line above the progress bar."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def agree(self, release: Release, size: int | None, origin: str) -> None:
        """Print what would be pulled; confirm where there is a caution.

        Raises:
            DownloadError: it is declined, or there is no terminal to confirm at.
        """
        known = "size unknown" if size is None else f"{size / 1e6:.0f} MB"
        licence, publisher = release.licence or "not stated", release.publisher or "unknown"
        self.say(f"{release.preset}: {release.file}, {known}, from {origin}")
        self.say(f"Published by: {publisher}. Licence of the weights: {licence}.")
        if not release.caution:
            return
        self.say(f"Caution: {release.caution}")
        if self._agrees:
            return
        if not sys.stdin.isatty():
            raise DownloadError(
                "nothing was pulled: there is no terminal to confirm at; the same command with "
                "--yes agrees to the caution above"
            )
        if not click.confirm("Pull it?", default=True, err=True):
            raise DownloadError("nothing was pulled")

    def progress(self, done: int, total: int | None) -> None:
        """Move the bar; without a terminal, print a line every few seconds."""
        if not self._console.is_terminal:
            if line := self._log.line(done, total):
                self.say(line)
            return
        if self._progress is None:
            columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=self._console)
            self._task = self._progress.add_task("", total=total, completed=done)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total)
