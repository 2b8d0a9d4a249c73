"""From the id of a video to the end of its job: claim, run, and record the end."""

import asyncio
import errno
from contextlib import suppress
from itertools import count
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry

from maskstream_server.error_answers import NO_DETAIL
from maskstream_server.errors import (
    EngineStoppedError,
    FencedOutError,
    FolderAwayError,
    MaskstreamServerError,
    RecordUnreadableError,
    VideoUnknownError,
)
from maskstream_server.jobs.processing.job import AWAY_PAUSE_S, VideoJob, WorkerParts
from maskstream_server.jobs.processing.making import clear_drafts
from maskstream_server.jobs.processing.run import run_job
from maskstream_server.jobs.records.record import VideoRecord, claim, fail, release
from maskstream_server.jobs.records.store import change
from maskstream_server.jobs.storage.availability import check_usable
from maskstream_server.jobs.storage.files import DISK_FULL
from maskstream_server.telemetry.tracing import Span, Tracing, traced
from maskstream_server.telemetry.work_metrics import JobEnd, WorkMetrics

log = structlog.get_logger(__name__)
RELEASE_WITHIN_S = 2.0
TAKEN_AWAY = (FencedOutError, VideoUnknownError, RecordUnreadableError)
"""Errors of a job that this worker does not hold (any more)."""


class JobWorker:
    """Runs the jobs that a queue hands out; many may run at once."""

    def __init__(
        self,
        parts: WorkerParts,
        tracing: Tracing | None = None,
        metrics: WorkMetrics | None = None,
    ) -> None:
        self._parts = parts
        self._tracing = tracing or Tracing()
        self._metrics = metrics or WorkMetrics(CollectorRegistry())

    async def work(self, video: str) -> None:
        """Run the job of a video to its end; an error in the video fails this job only.

        When cancelled it releases the job, which continues from its last checkpoint. While the
        folder of videos is unavailable it releases the job, too, and then claims it again.
        """
        while await self._attempt(video) == "away":
            log.warning("video_waits_for_folder", video=video)

    async def _attempt(self, video: str) -> JobEnd | Literal["away"]:
        """Work on a video, unless that is another's; `away` where it must be tried once more."""
        await self.wait_for_folder()
        record = await self._claim(video)
        if record is None:
            return "stopped"
        with traced(self._tracing, "video", {"video": video}) as span:
            span.set_attributes({"attempt": record.attempt, "first_frame": record.next_frame})
            end: JobEnd = "stopped"
            began_s = self._parts.now_s()
            self._metrics.job_begun()
            try:
                end = await self._run(record, span)
            except FolderAwayError:
                return "away"
            finally:
                # The store may have set the clock back meanwhile.
                self._metrics.job_ended(end, max(0.0, self._parts.now_s() - began_s))
        return end

    async def wait_for_folder(self) -> None:
        """Wait until files can be read and written here: without, no video can be worked on."""
        for attempt in count():
            try:
                return await asyncio.to_thread(check_usable, self._parts.files)
            except FolderAwayError as error:
                if attempt == 0:
                    log.warning("folder_away", reason=str(error))
                await asyncio.sleep(AWAY_PAUSE_S)

    async def _run(self, record: VideoRecord, span: Span) -> JobEnd:
        log.info("video_begun", video=record.id, attempt=record.attempt, frame=record.next_frame)
        try:
            return await self._see_through(VideoJob(self._parts, record), span)
        except TAKEN_AWAY:
            log.info("video_taken_away", video=record.id)
            return "stopped"

    async def _claim(self, video: str) -> VideoRecord | None:
        """Return the claimed record; None where there is nothing (more) to do."""
        now_s = self._parts.now_s()
        try:
            record = await change(self._parts.store, video, lambda old: claim(old, now_s))
        except TAKEN_AWAY as error:
            log.info("video_not_claimed", video=video, reason=str(error))
            return None
        if record.ended:
            log.error("video_kills_workers", video=video, reason=record.reason)
            await asyncio.to_thread(clear_drafts, self._parts.files.folder(video))
            return None
        return record

    async def _see_through(self, job: VideoJob, span: Span) -> JobEnd:
        video, fence, now_s = job.record.id, job.fence, self._parts.now_s
        try:
            await run_job(job)
            log.info("video_done", video=video)
            return "done"
        except TAKEN_AWAY:
            raise
        except (asyncio.CancelledError, EngineStoppedError):
            with suppress(*TAKEN_AWAY, TimeoutError):
                async with asyncio.timeout(RELEASE_WITHIN_S):
                    await job.write(lambda old: release(old, fence, now_s()))
            raise
        except Exception as error:
            try:
                await asyncio.to_thread(check_usable, self._parts.files)
            except FolderAwayError:
                await job.write(lambda old: release(old, fence, now_s()))
                raise
            span.set_attribute("failed", type(error).__name__)
            reason = self._reason(video, error)
            await job.write(lambda old: fail(old, fence, reason, now_s()), {})
            return "failed"

    def _reason(self, video: str, error: Exception) -> str:
        """Return the reason for the client; that of our own faults is logged and left out."""
        if isinstance(error, MaskstreamServerError) and error.public:
            log.info("video_failed", video=video, reason=str(error))
            return error.detail
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            log.error("disk_full", video=video, exc_info=error)
            return DISK_FULL
        if isinstance(error, OSError) and error.strerror:
            log.error("video_failed", video=video, exc_info=error)
            return f"The server cannot read or write the files of the video: {error.strerror}."
        if isinstance(error, OverflowError):
            return f"The artifacts cannot be made: {error}."
        log.error("video_failed", video=video, exc_info=error)
        return NO_DETAIL
