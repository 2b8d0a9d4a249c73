"""Whole videos for asyncio: submit, follow, read, download."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Final, Unpack

from maskstream_client.errors import ConnectionFailedError, RefusedError
from maskstream_client.exports import check_formats, write_exports
from maskstream_client.stream_options import RetryRules
from maskstream_client.video_record import Video, id_of, page_from
from maskstream_client.videos import tus
from maskstream_client.videos.downloading import Download, DownloadProgress
from maskstream_client.videos.exporting import fetch_model, fetched_results
from maskstream_client.videos.http import VIDEOS_PATH, Http, Place
from maskstream_client.videos.lines import FrameLine
from maskstream_client.videos.requests import (
    fetch_video,
    find_video,
    read_events,
    read_lines,
    require_done,
)
from maskstream_client.videos.retrying import TransientError
from maskstream_client.videos.source_file import SourceFile, is_address
from maskstream_client.videos.uploading import (
    Remember,
    Uploader,
    UploadProgress,
    submit_address,
)
from maskstream_client.videos.video_options import Submission, VideoFields, VideoOptions

_PAGE: Final = 100
_LOOK_AGAIN_S: Final = 1.0
"""How often new results of a running video are looked for."""


class AsyncVideos:
    """The whole videos of one server. It holds no connection: each call makes its own.

    A lost connection is made again, within the limits of `retry`. Every method
    raises `ConnectionFailedError` where no server answers, and `RefusedError` or a `WireError`
    with the server's own sentence where it refuses. A video is named by its id, or by a `Video`.

    Args:
        url: of the server; that of a stream will do.
        api_key: sent as a bearer token.
        retry: see `RetryRules`.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, retry: RetryRules | None = None
    ) -> None:
        self._place = Place.of(url, api_key, retry)

    async def submit(
        self,
        source: str | Path,
        *,
        progress: UploadProgress = lambda done, total: None,
        resume: Submission | None = None,
        remember: Remember = lambda submission: None,
        **options: Unpack[VideoFields],
    ) -> Video:
        """Upload a file and ask for its results; `options` are the fields of `VideoOptions`.

        Args:
            source: path of the video, which is read block by block; or its address
                (https://...), from which the server fetches it, where its operator allows that.
            progress: called with uploaded and total bytes; not for an address.
            resume: the last argument of an earlier `remember`: the upload resumes there.
            remember: called after every step from which another process can resume.
            options: fields of `VideoOptions`.

        Raises:
            SourceError: the file cannot be read.
        """
        wanted = VideoOptions(**options)
        submission = resume or Submission()
        async with Http(self._place) as http:
            if is_address(source):
                if (known := await find_video(http, submission.video)) is not None:
                    return known
                return await submit_address(http, source, wanted, submission, remember)
            with SourceFile(Path(source)) as file:
                if (known := await find_video(http, submission.video)) is not None:
                    return known
                return await Uploader(http, file, wanted, submission, progress, remember).submit()

    async def get(self, video: Video | str) -> Video:
        """A video as it is now."""
        async with Http(self._place) as http:
            return await fetch_video(http, video)

    async def list(self, limit: int | None = None) -> AsyncGenerator[Video, None]:
        """All videos, or the newest `limit` of them, from the newest on."""
        left, before = limit, dict[str, str]()
        async with Http(self._place) as http:
            while left is None or left > 0:
                size = _PAGE if left is None else min(_PAGE, left)
                query = {"limit": str(size)} | before
                page, following = await http.read(page_from, "GET", VIDEOS_PATH, params=query)
                for video in page:
                    yield video
                if following is None:
                    return
                left = None if left is None else left - len(page)
                before = {"before": following}

    async def events(self, video: Video | str) -> AsyncGenerator[Video, None]:
        """The video each time that it has changed, until it has ended."""
        last: str | None = None
        async with Http(self._place) as http:
            while True:
                try:
                    async with aclosing(read_events(http, id_of(video), last)) as received:
                        async for event_id, latest in received:
                            last = event_id or last
                            yield latest
                            if latest.ended:
                                return
                    raise TransientError(ConnectionFailedError("The server ended the events."))
                except TransientError as error:
                    await http.wait_to_retry(error)

    async def wait(
        self,
        video: Video | str,
        *,
        progress: Callable[[Video], object] = lambda video: None,
    ) -> Video:
        """Wait until a video is done.

        Args:
            video: which.
            progress: called with every change.

        Raises:
            VideoFailedError: it failed; the message has the server's reason.
            VideoCancelledError: it was cancelled.
        """
        async with aclosing(self.events(video)) as changes:
            async for latest in changes:
                progress(latest)
        return require_done(latest)

    async def results(
        self, video: Video | str, *, after: int = -1, follow: bool = True
    ) -> AsyncGenerator[FrameLine, None]:
        """What was found, frame by frame.

        Args:
            video: which.
            after: only frames after this one.
            follow: wait for what is still to come.

        Raises:
            VideoFailedError: it failed, and all there is was read; only with `follow`.
            VideoCancelledError: it was cancelled; likewise.
        """
        async with Http(self._place) as http:
            while True:
                # Asked before the lines are: so those of a video that has ended are all of them.
                found = await fetch_video(http, video)
                try:
                    async with aclosing(read_lines(http, found.id, after)) as lines:
                        async for line in lines:
                            after = line.frame
                            yield line
                except TransientError as error:
                    await http.wait_to_retry(error)
                    continue
                if not follow:
                    return
                if found.ended:
                    require_done(found)
                    return
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def download(
        self,
        video: Video | str,
        folder: str | Path,
        names: Sequence[str] | None = None,
        *,
        progress: DownloadProgress = lambda name, done, total: None,
    ) -> Sequence[Path]:
        """Fetch the files of a video; a file is whole under its name, or not there.

        Args:
            video: which; one that has not ended has no files.
            folder: where they go; made where it is not there.
            names: of the files; None are all.
            progress: called with a file's name, and downloaded and total bytes.

        Raises:
            VideoFailedError: it failed.
            VideoCancelledError: it was cancelled.
            OutputError: a file cannot be written.
        """
        async with Http(self._place) as http:
            found = await fetch_video(http, video)
            if found.ended:
                require_done(found)
            elif names is None:
                raise RefusedError(f"{found.name} is {found.state}: it has no files yet.", 404)
            files = found.artifacts if names is None else names
            return [
                await Download(http, found.id, name, Path(folder), progress).fetch()
                for name in files
            ]

    async def export(
        self, video: Video | str, folder: str | Path, names: Sequence[str]
    ) -> Sequence[Path]:
        """Make files of the results of a video here, in any form of docs/exports.md.

        They are the same as the server's, and need not have been asked for before.

        Args:
            video: which; waits until it is done.
            folder: where they go; made where it is not there.
            names: of the files, such as `coco.json`.

        Raises:
            VideoFailedError: it failed.
            VideoCancelledError: it was cancelled.
            OutputError: a file cannot be written.
            ValueError: there is no such form.
        """
        done = await self.wait(video)
        async with Http(self._place) as http:
            model = await fetch_model(http, done)
            check_formats(names, model.task)
            async with fetched_results(http, done, model) as results_of:
                return await asyncio.to_thread(write_exports, results_of, names, folder)

    async def cancel(self, video: Video | str) -> Video:
        """Stop the work on a video; its results are deleted. One that has ended stays as it is."""
        async with Http(self._place) as http:
            found = await fetch_video(http, video)
            if found.ended:
                return found
            await http.with_retries(lambda: http.request("DELETE", http.place.video(found.id)))
            return replace(found, state="cancelled")

    async def delete(self, video: Video | str) -> None:
        """Delete a video and all that is its, in whatever state it is."""
        async with Http(self._place) as http:
            address = http.place.video(id_of(video))
            if (await http.with_retries(lambda: http.request("DELETE", address))).content:
                # That was the end of its work; now it goes.
                await http.with_retries(lambda: http.request("DELETE", address))

    async def discard(self, submission: Submission) -> None:
        """Delete what is uploaded of a video that is not handed in; what is gone is no error."""
        address = submission.upload
        if address is None:
            return
        async with Http(self._place) as http:
            try:
                await http.with_retries(
                    lambda: http.request("DELETE", address, headers=tus.VERSION)
                )
            except RefusedError as error:
                if error.status not in tus.GONE | tus.ABSENT:
                    raise
