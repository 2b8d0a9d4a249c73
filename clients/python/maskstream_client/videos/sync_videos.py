"""Whole videos for programs without asyncio: the same methods, which block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Unpack

from maskstream_client.loop_thread import iterate_blocking, run_blocking
from maskstream_client.options import RetryRules
from maskstream_client.videos.async_videos import AsyncVideos
from maskstream_client.videos.downloading import DownloadProgress
from maskstream_client.videos.lines import FrameLine
from maskstream_client.videos.options import Submission, VideoFields
from maskstream_client.videos.record import Video
from maskstream_client.videos.uploading import Remember, UploadProgress


class Videos:
    """The whole videos of one server; `AsyncVideos` says what each method does.

    What is handed over to hear of progress is called in another thread.

    Args:
        url: of the server; that of a stream will do.
        api_key: sent as a bearer token.
        retry: see `RetryRules`.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, retry: RetryRules | None = None
    ) -> None:
        self._videos = AsyncVideos(url, api_key=api_key, retry=retry)

    def submit(
        self,
        source: str | Path,
        *,
        progress: UploadProgress = lambda done, total: None,
        resume: Submission | None = None,
        remember: Remember = lambda submission: None,
        **options: Unpack[VideoFields],
    ) -> Video:
        """Upload a file, or name its address, and ask for its results.

        `options` are the fields of `VideoOptions`.
        """
        return run_blocking(
            self._videos.submit(
                source, progress=progress, resume=resume, remember=remember, **options
            )
        )

    def get(self, video: Video | str) -> Video:
        """A video as it is now."""
        return run_blocking(self._videos.get(video))

    def list(self, limit: int | None = None) -> Iterator[Video]:
        """All videos, or the newest `limit` of them, from the newest on."""
        return iterate_blocking(lambda: self._videos.list(limit))

    def events(self, video: Video | str) -> Iterator[Video]:
        """The video each time that it has changed, until it has ended."""
        return iterate_blocking(lambda: self._videos.events(video))

    def wait(
        self,
        video: Video | str,
        *,
        progress: Callable[[Video], object] = lambda video: None,
    ) -> Video:
        """Wait until a video is done; raises where it fails or is cancelled."""
        return run_blocking(self._videos.wait(video, progress=progress))

    def results(
        self, video: Video | str, *, after: int = -1, follow: bool = True
    ) -> Iterator[FrameLine]:
        """What was found, frame by frame."""
        return iterate_blocking(lambda: self._videos.results(video, after=after, follow=follow))

    def download(
        self,
        video: Video | str,
        folder: str | Path,
        names: Sequence[str] | None = None,
        *,
        progress: DownloadProgress = lambda name, done, total: None,
    ) -> Sequence[Path]:
        """Fetch the files of a video; a file is whole under its name, or not there."""
        return run_blocking(self._videos.download(video, folder, names, progress=progress))

    def cancel(self, video: Video | str) -> Video:
        """Stop the work on a video; its results are deleted. One that has ended stays as it is."""
        return run_blocking(self._videos.cancel(video))

    def delete(self, video: Video | str) -> None:
        """Delete a video and all that is its, in whatever state it is."""
        run_blocking(self._videos.delete(video))

    def discard(self, submission: Submission) -> None:
        """Delete what is uploaded of a video that is not handed in; what is gone is no error."""
        run_blocking(self._videos.discard(submission))
