"""Whole videos in a running process: the API, workers where there are any, and maintenance."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from maskstream_server.errors import FolderAwayError, MismatchError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.processing.worker import VideoWorker
from maskstream_server.jobs.records.clock import StoreClock
from maskstream_server.jobs.storage.availability import FolderProbe
from maskstream_server.jobs.webhooks.delivery import WebhookSender
from maskstream_server.telemetry.work_metrics import WorkMetrics

TEND_S = 60.0
RETRY_S = 2.0

log = structlog.get_logger(__name__)


class VideoService:
    """Starts and stops with its process."""

    def __init__(
        self,
        api: VideoApi,
        worker: VideoWorker | None,
        concurrency: int,
        webhooks: WebhookSender | None,
        clean_up: Callable[[], None],
        metrics: WorkMetrics,
        clock: StoreClock,
    ) -> None:
        self.api = api
        self.folder = FolderProbe(api.files)
        self.stopping = False
        self._worker, self._concurrency = worker, concurrency
        self._webhooks, self._clean_up = webhooks, clean_up
        self._metrics, self._clock = metrics, clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin maintenance, and work where there is a worker."""
        self._tasks.append(asyncio.create_task(self._tend()))
        if self._worker is not None:
            self._tasks.append(asyncio.create_task(self._work(self._worker)))

    async def stop(self) -> None:
        """Release the videos under way, and let connections go."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._webhooks is not None:
            await self._webhooks.close()
        with suppress(Exception):
            await self.api.queue.close()
        await self.api.store.close()
        await asyncio.to_thread(self._clean_up)

    async def _work(self, worker: VideoWorker) -> None:
        async def work(video: str) -> None:
            await worker.wait_for_folder()
            try:
                await self.api.ownership.check()
            except (MismatchError, FolderAwayError):  # it waits: maintenance queues it again
                return
            except OSError as error:  # the worker waits for the folder
                log.warning("folder_away", reason=str(error))
            await worker.work(video)
            self.api.maintenance.wake(video)

        while True:
            try:
                await self.api.queue.run(work, self._concurrency)
            except Exception as error:
                log.warning("queue_away", reason=repr(error))
            await asyncio.sleep(RETRY_S)

    async def _tend(self) -> None:
        while True:
            try:
                await self._clock.set_by(self.api.store)
                counts = await self.api.maintenance.tend()
                self._metrics.count_videos(counts.counts, counts.silence_s)
            except Exception as error:
                log.warning("videos_not_tended", reason=repr(error))
            await asyncio.sleep(TEND_S)
