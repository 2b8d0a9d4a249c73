"""Takes the id of a video and sees it through: claim, run, and whatever the end is."""

import asyncio
import errno
from contextlib import suppress

import structlog

from maskstream_server.engine_types import EngineStopped
from maskstream_server.errors import NO_DETAIL, MaskstreamServerError
from maskstream_server.jobs.errors import FencedOut, NoSpaceError, VideoUnknownError
from maskstream_server.jobs.record import VideoRecord, claim, fail, release
from maskstream_server.jobs.run import VideoRun, WorkerParts
from maskstream_server.jobs.store import change

log = structlog.get_logger(__name__)
RELEASE_WITHIN_S = 2.0
DISK_FILLED_UP = "The disk of the server filled up; delete videos, or try later."


class VideoWorker:
    """The `Work` of a queue; many videos may be under way at once."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts

    async def work(self, video: str) -> None:
        """Work on a video to its end; what is wrong with it ends it, and nothing else.

        Cancelled, it gives the video back in peace, from its last checkpoint.
        """
        record = await self._claim(video)
        if record is None:
            return
        run = VideoRun(self._parts, record)
        log.info("video_begun", video=video, attempt=record.attempt, frame=record.next_frame)
        try:
            await self._see_through(run, record)
        except (FencedOut, VideoUnknownError):
            log.info("video_taken_away", video=video)

    async def _claim(self, video: str) -> VideoRecord | None:
        """Return the claimed record; None where there is nothing (more) to do."""
        now_s = self._parts.now_s()
        try:
            record = await change(self._parts.store, video, lambda old: claim(old, now_s))
        except (FencedOut, VideoUnknownError):
            return None
        if record.ended:
            log.error("video_kills_workers", video=video, reason=record.reason)
            return None
        return record

    async def _see_through(self, run: VideoRun, record: VideoRecord) -> None:
        fence, now_s = record.fence, self._parts.now_s
        try:
            await run.run()
            log.info("video_done", video=record.id)
        except (FencedOut, VideoUnknownError):
            raise
        except (asyncio.CancelledError, EngineStopped):
            with suppress(FencedOut, VideoUnknownError, TimeoutError):
                async with asyncio.timeout(RELEASE_WITHIN_S):
                    await run.write(lambda old: release(old, fence, now_s()))
            raise
        except Exception as error:
            reason = self._reason(record.id, error)
            await run.write(lambda old: fail(old, fence, reason, now_s()), {})

    def _reason(self, video: str, error: Exception) -> str:
        """Return what the client is told; what is our fault is logged and told without detail."""
        if isinstance(error, MaskstreamServerError | NoSpaceError):
            log.info("video_failed", video=video, reason=str(error))
            return str(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            log.error("disk_full", video=video, exc_info=error)
            return DISK_FILLED_UP
        if isinstance(error, OverflowError):
            return f"The artifacts cannot be made: {error}."
        log.error("video_failed", video=video, exc_info=error)
        return NO_DETAIL
