"""A whole video that a server works on while live streams are measured."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from maskstream_client.errors import RefusedError
from maskstream_client.video_record import Video
from maskstream_client.videos import tus
from maskstream_client.videos.async_videos import AsyncVideos

_ARTIFACTS: Final = ("ytvis.json", "overlay.mp4")


class VideoBeside:
    """Keeps one whole video under way at a server, again and again; an async context manager.

    It begins when the first frames of the video are done, and deletes the video at its end.

    Args:
        videos: of the server.
        clip: the video.

    Attributes:
        num_frames: how many were done of it since.
    """

    def __init__(self, videos: AsyncVideos, clip: Path) -> None:
        self._videos, self._clip = videos, clip
        self._begun = asyncio.Event()
        self._video: Video | None = None
        self.num_frames = 0

    async def __aenter__(self) -> Self:
        self._work = asyncio.create_task(self._repeat())
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait((self._work, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._work.done():
            self._work.result()
        self.num_frames = 0
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._work.cancel()
        with suppress(asyncio.CancelledError):
            await self._work
        if self._video is not None:
            try:
                await self._videos.delete(self._video)
            except RefusedError as error:
                # The work was cancelled while it deleted the video itself.
                if error.status not in tus.GONE:
                    raise

    async def _repeat(self) -> None:
        while True:
            self._video = await self._videos.submit(self._clip, artifacts=_ARTIFACTS)
            await self._videos.wait(self._video, progress=self._note)
            await self._videos.delete(self._video)
            self._video = None

    def _note(self, now: Video) -> None:
        assert self._video is not None
        self.num_frames += now.frames_done - self._video.frames_done
        self._video = now
        if now.frames_done:
            self._begun.set()
