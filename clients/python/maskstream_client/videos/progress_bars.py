"""The progress bars of a video's upload, work and download."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from maskstream_client.terminal import printable, status_console
from maskstream_client.video_record import Video


class ProgressBars:
    """A bar for each activity, on standard error; use it as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeRemainingColumn(),
            console=console or status_console(),
        )
        self._bars: dict[str, TaskID] = {}

    def uploaded(self, done: int, total: int) -> None:
        """Bytes of the file."""
        self._show("Uploading", done, total, f"{decimal(done)} of {decimal(total)}")

    def worked(self, video: Video) -> None:
        """Frames of the video."""
        if video.state == "queued":
            detail = "waits for its turn"
        else:
            total = "" if video.frames_total is None else f" of {video.frames_total}"
            speed = f", {video.fps:.1f} a second" if video.fps else ""
            detail = f"{video.frames_done}{total} frames{speed}"
        self._show("Processing", video.frames_done, video.frames_total, detail)

    def downloaded(self, name: str, done: int, total: int) -> None:
        """Bytes of a file."""
        self._show(
            f"Downloading {printable(name)}", done, total, f"{decimal(done)} of {decimal(total)}"
        )

    def _show(self, what: str, done: int, total: int | None, detail: str) -> None:
        if what not in self._bars:
            self._progress.start()
            self._bars[what] = self._progress.add_task(what, total=total, detail=detail)
        self._progress.update(self._bars[what], completed=done, total=total, detail=detail)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()
