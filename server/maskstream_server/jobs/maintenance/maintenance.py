"""What is done about all videos once a minute: queue what waits for no worker, remove what is over.

So every process repairs what a crash of any other has left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from maskstream_server.errors import FolderAwayError, MismatchError, StoreUnreachableError
from maskstream_server.jobs.maintenance.cleanup import sweep
from maskstream_server.jobs.maintenance.ownership import ADVICE, Ownership
from maskstream_server.jobs.queue import VideoQueue
from maskstream_server.jobs.records.counts import VideoCounts
from maskstream_server.jobs.records.record import Listed, UnreadableRecord, VideoState
from maskstream_server.jobs.records.store import GRACE_S, VideoStore
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.jobs.webhooks.schedule import is_due

PAGE = 100
MAX_SKEW_S = 300.0
"""Where the file system's time is farther from the store's, one of them is wrong."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Retention:
    """How long things are kept, in seconds.

    Attributes:
        video_s: a video after its last change, and its files in quarantine.
        upload_s: an upload that waits for more.
        unbegun_upload_s: an upload that waits for its first byte.
    """

    video_s: float
    upload_s: float
    unbegun_upload_s: float


@dataclass(frozen=True)
class _Pass:
    """What a pass over all records has found.

    Attributes:
        counts: of videos.
        known: fence by video; None where its record cannot be read.
        cancelled: videos whose files are to be removed.
        expired: those that have not changed for their retention time.
    """

    counts: VideoCounts
    known: dict[str, int | None] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    expired: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Maintenance:
    """Keeps the records, files and queue of all videos that share a store consistent.

    Attributes:
        wake: starts the delivery of a video's webhook, where that is due.
    """

    store: VideoStore
    queue: VideoQueue
    files: VideoFiles
    ownership: Ownership
    retention: Retention
    wake: Callable[[str], None]
    now_s: Callable[[], float]

    async def tend(self) -> VideoCounts:
        """Make one pass; return how many videos there are."""
        found = await self._pass()
        try:
            if await self._list_again(found.known):
                found = await self._pass()
            await self.ownership.check()
            await self._expire(found.expired)
            await asyncio.to_thread(self._sweep, found.known, found.cancelled)
        except (FolderAwayError, StoreUnreachableError, OSError) as error:
            log.warning("files_not_tended", reason=str(error))
        except MismatchError:
            log.error("videos_mismatch", reason=self.ownership.mismatch, advice=ADVICE)
        return found.counts

    async def notify(self, call: Callable[[str], Awaitable[object]], video: str) -> None:
        """Call the queue; where that fails now, `tend` or the fence see to it later."""
        try:
            await call(video)
        except Exception:
            log.exception("queue_not_notified", video=video)

    async def remove(self, video: str) -> None:
        """Remove files and record; in this order, so that what fails can be tried again."""
        await asyncio.to_thread(self.files.remove, video)
        await self.store.remove(video)

    async def _pass(self) -> _Pass:
        """Look at every record that is listed."""
        found, before = _Pass(VideoCounts(self.now_s())), None
        while page := await self.store.page(PAGE, before):
            for record in page:
                await self._look_at(record, found)
            before = page[-1].id
        return found

    async def _look_at(self, record: Listed, found: _Pass) -> None:
        found.counts.add(record)
        if isinstance(record, UnreadableRecord):
            found.known[record.id] = None
            return
        found.known[record.id] = record.fence
        if not record.ended:
            await self.notify(self.queue.enqueue, record.id)
        elif is_due(record, self.now_s()):
            self.wake(record.id)
        if record.state is VideoState.CANCELLED:
            found.cancelled.add(record.id)
        if self.now_s() - record.updated_s > self.retention.video_s:
            found.expired.append(record.id)

    async def _list_again(self, known: Mapping[str, int | None]) -> int:
        """List videos whose records the store has and does not list; return how many."""
        files = self.files
        stored = await asyncio.to_thread(lambda: [*files.videos(), *files.quarantine.videos()])
        unlisted = [video for video in stored if video not in known]
        count = sum([await self.store.list_again(video) for video in unlisted])
        if count:
            log.error("videos_were_not_listed", num_videos=count)
        return count

    async def _expire(self, videos: Sequence[str]) -> None:
        """Remove videos whose time is over by the store's own count, with their records."""
        for video in videos:
            if await self.store.left_s(video) <= GRACE_S:
                await self.remove(video)

    def _sweep(self, known: Mapping[str, int | None], cancelled: set[str]) -> None:
        skew_s = self.files.now_s() - self.now_s()
        if abs(skew_s) > MAX_SKEW_S:
            log.error("clocks_differ", skew_s=round(skew_s), advice="nothing is removed by age")
            return
        self.files.remove_abandoned(self.retention.upload_s, self.retention.unbegun_upload_s)
        sweep(self.files, known, cancelled, self.retention.video_s)
