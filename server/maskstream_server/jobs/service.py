"""Videos in a running process: the desk, workers where there are any, and regular mending."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from maskstream_server.errors import FolderAwayError, MismatchError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.processing.worker import VideoWorker
from maskstream_server.jobs.records.clock import StoreClock
from maskstream_server.jobs.records.counts import VideoCounts
from maskstream_server.jobs.storage.availability import FolderProbe
from maskstream_server.jobs.webhooks.delivery import WebhookSender

TEND_S = 60.0
RETRY_S = 2.0

log = structlog.get_logger(__name__)


class VideoService:
    """Starts and stops with its process.

    Args:
        desk: where videos come in; its store and queue are closed with this.
        worker: takes videos from the queue; None leaves that to other processes.
        concurrency: videos that it works on at once.
        courier: delivers webhooks; None where there are none.
        clean_up: called at the very end.
        counted: hears once a minute what videos there are.
        clock: set by the store once a minute.
    """

    def __init__(
        self,
        desk: VideoApi,
        worker: VideoWorker | None,
        concurrency: int,
        courier: WebhookSender | None = None,
        clean_up: Callable[[], None] = lambda: None,
        counted: Callable[[VideoCounts], None] = lambda census: None,
        clock: StoreClock | None = None,
    ) -> None:
        self.desk = desk
        self.folder = FolderProbe(desk.files)
        self.stopping = False
        self._worker = worker
        self._concurrency = concurrency
        self._courier = courier
        self._clean_up = clean_up
        self._counted = counted
        self._clock = clock or StoreClock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str | None:
        """One sentence for the operator where no videos can be taken; None where they can."""
        return self.desk.ownership.mismatch

    def start(self) -> None:
        """Begin to mend, and to work where there is a worker."""
        self._tasks.append(asyncio.create_task(self._tend()))
        if self._worker is not None:
            self._tasks.append(asyncio.create_task(self._work(self._worker)))

    async def stop(self) -> None:
        """Give the videos that are worked on back in peace, and let connections go."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._courier is not None:
            await self._courier.close()
        with suppress(Exception):
            await self.desk.queue.close()
        await self.desk.store.close()
        await asyncio.to_thread(self._clean_up)

    async def _work(self, worker: VideoWorker) -> None:
        async def work(video: str) -> None:
            await worker.wait_for_folder()
            try:
                await self.desk.ownership.check()
            except (MismatchError, FolderAwayError):  # it waits: `tend` queues it again
                return
            except OSError as error:  # the worker waits for the folder
                log.warning("folder_away", reason=str(error))
            await worker.work(video)
            self.desk.wake(video)

        while True:
            try:
                await self.desk.queue.run(work, self._concurrency)
            except Exception as error:
                log.warning("queue_away", reason=repr(error))
            await asyncio.sleep(RETRY_S)

    async def _tend(self) -> None:
        while True:
            try:
                await self._clock.set_by(self.desk.store)
                self._counted(await self.desk.tend())
            except Exception as error:
                log.warning("videos_not_tended", reason=repr(error))
            await asyncio.sleep(TEND_S)
