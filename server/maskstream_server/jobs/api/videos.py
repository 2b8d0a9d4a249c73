"""Where videos are handed in and asked for: what the routes do, without HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import structlog

from maskstream_server.errors import (
    BadOptionsError,
    FencedOutError,
    FolderAwayError,
    MismatchError,
    NotReadyError,
    RecordUnreadableError,
    StoreUnreachableError,
    VideoUnknownError,
)
from maskstream_server.jobs.intake.intake import Arrival, Intake, Reception
from maskstream_server.jobs.maintenance.cleanup import sweep
from maskstream_server.jobs.maintenance.ownership import ADVICE, Ownership
from maskstream_server.jobs.queue import VideoQueue
from maskstream_server.jobs.records.counts import VideoCounts
from maskstream_server.jobs.records.record import (
    UnreadableRecord,
    VideoRecord,
    VideoState,
    cancel,
)
from maskstream_server.jobs.records.store import GRACE_S, VideoStore, change
from maskstream_server.jobs.storage.availability import checks_folder
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.jobs.storage.remote import RemoteFile
from maskstream_server.jobs.webhooks.schedule import is_due

MAX_KEY_CHARACTERS = 255
PAGE = 100
MAX_SKEW_S = 300.0
"""Where the file system's time is farther from the store's, one of them is wrong."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Walk:
    """What a pass over all records met.

    Attributes:
        census: of them.
        known: fence by video; None where nobody can read its record.
        cancelled: videos whose files nobody needs.
        over: those that have not changed for their time.
    """

    census: VideoCounts
    known: dict[str, int | None] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    over: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class VideoApi:
    """The desk of all videos that share a store.

    Attributes:
        store: of records.
        queue: to the workers.
        reception: where their files come in.
        wake: tells the courier that a video may have ended.
        retention_s: how long a video outlives its last change, and its files the quarantine.
    """

    store: VideoStore
    queue: VideoQueue
    reception: Reception
    wake: Callable[[str], None] = lambda video: None
    retention_s: float = 7 * 24 * 3600.0

    @cached_property
    def ownership(self) -> Ownership:
        """Whether the files are those of the store."""
        return Ownership(self.store, self.files, self.reception.random_bytes)

    @property
    def files(self) -> VideoFiles:
        """Where the files of videos are."""
        return self.reception.files

    @checks_folder
    async def check_open(self) -> None:
        """See that a video could be taken in now.

        Raises:
            MismatchError: records and files do not belong together.
            FolderAwayError: the folder is gone.
            StoreUnreachableError: the store is away.
        """
        await self.ownership.check()

    @checks_folder
    async def submit(self, intake: Intake, key: str | None = None, caller: str = "") -> VideoRecord:
        """Take a video in and queue it; the same key of the same caller returns the same video.

        Raises:
            VideoError: it cannot be taken; nothing of it is left.
            StoreUnreachableError: nor can it be noted.
        """
        if key is not None and len(key) > MAX_KEY_CHARACTERS:
            raise BadOptionsError("The Idempotency-Key is too long.")
        key = f"{caller} {key}" if key else intake.once
        if key is not None:
            known = await self.store.created_under(key)
            if known is not None:
                return known
        await self.ownership.check()
        arrival = await intake.receive(self.reception)
        try:
            record = await self._accept(arrival, key)
        except BaseException:
            await intake.dismiss(self.reception, arrival)
            raise
        await self._told("enqueue", self.queue.enqueue, record.id)
        return record

    async def get(self, video: str) -> VideoRecord:
        """Return a record.

        Raises:
            VideoUnknownError: there is none.
            RecordUnreadableError: it cannot be read.
        """
        record = await self.store.get(video)
        if record is None:
            raise VideoUnknownError(video)
        return record

    async def delete(self, video: str) -> VideoRecord | None:
        """Cancel a video that has not ended, forget one that has, or whose record cannot be read.

        Its files go in each case.

        Returns:
            The cancelled record; None where there is none any more.

        Raises:
            VideoUnknownError: there is none.
            StoreUnreachableError: it has ended, and cannot be forgotten now.
        """
        try:
            record = await change(self.store, video, lambda old: cancel(old, self._now_s()), {})
        except (FencedOutError, RecordUnreadableError):
            await self._remove(video)
            return None
        self.wake(video)
        await self._told("cancel", self.queue.cancel, video)
        try:
            await asyncio.to_thread(self.files.remove, video)
        except StoreUnreachableError as error:  # `tend` does it later
            log.warning("files_not_removed", video=video, reason=str(error))
        return record

    @checks_folder
    async def lines(self, record: VideoRecord, after: int) -> Iterator[bytes]:
        """Return the lines of results after the one of number `after`; reading them blocks."""
        return await asyncio.to_thread(self.files.lines, record, after)

    @checks_folder
    async def artifact(self, record: VideoRecord, name: str) -> Path | RemoteFile:
        """Return an artifact.

        Raises:
            NotReadyError: it was not wished for, or is not there yet.
        """
        if name not in record.artifacts:
            there = ", ".join(record.artifacts) or "none yet"
            raise NotReadyError(f"The video has no file {name!r}; there are: {there}.")
        return await asyncio.to_thread(self.files.artifact, record, name)

    async def tend(self) -> VideoCounts:
        """Mend what crashes have left: queue what waits for no worker, remove what nobody needs.

        Returns:
            what there is.
        """
        walk = await self._walk()
        try:
            if await self._list_again(walk.known):
                walk = await self._walk()
            await self.ownership.check()
            await self._forget(walk.over)
            await asyncio.to_thread(self._sweep, walk.known, walk.cancelled)
        except (FolderAwayError, StoreUnreachableError, OSError) as error:
            log.warning("files_not_tended", reason=str(error))
        except MismatchError:
            log.error("videos_mismatch", reason=self.ownership.mismatch, advice=ADVICE)
        return walk.census

    async def _walk(self) -> "_Walk":
        """Meet every record that is listed."""
        walk = _Walk(VideoCounts(self._now_s()))
        before = None
        while page := await self.store.page(PAGE, before):
            for record in page:
                walk.census.meet(record)
                if isinstance(record, UnreadableRecord):
                    walk.known[record.id] = None
                    continue
                walk.known[record.id] = record.fence
                if not record.ended:
                    await self._told("enqueue", self.queue.enqueue, record.id)
                elif is_due(record, self._now_s()):
                    self.wake(record.id)
                if record.state is VideoState.CANCELLED:
                    walk.cancelled.add(record.id)
                if self._is_old(record):
                    walk.over.append(record.id)
            before = page[-1].id
        return walk

    async def _list_again(self, known: Mapping[str, int | None]) -> int:
        """List videos whose records the store has and does not list; return how many."""
        files = self.files
        stored = await asyncio.to_thread(lambda: [*files.videos(), *files.quarantine.videos()])
        unlisted = [video for video in stored if video not in known]
        count = sum([await self.store.list_again(video) for video in unlisted])
        if count:
            log.error("videos_were_not_listed", num_videos=count)
        return count

    def _is_old(self, record: VideoRecord) -> bool:
        return self._now_s() - record.updated_s > self.retention_s

    async def _forget(self, videos: Sequence[str]) -> None:
        """Remove videos whose time is over by the store's own count, with their records."""
        for video in videos:
            if await self.store.left_s(video) <= GRACE_S:
                await self._remove(video)

    async def _remove(self, video: str) -> None:
        """Remove files and record; in this order, so that what fails can be tried again."""
        await asyncio.to_thread(self.files.remove, video)
        await self.store.remove(video)

    def _sweep(self, known: Mapping[str, int | None], cancelled: set[str]) -> None:
        skew_s = self.files.now_s() - self._now_s()
        if abs(skew_s) > MAX_SKEW_S:
            log.error("clocks_differ", skew_s=round(skew_s), advice="nothing is removed by age")
            return
        waits_s = self.reception.uploads.waits_s
        self.files.remove_abandoned(waits_s(1), waits_s(0))
        sweep(self.files, known, cancelled, self.retention_s)

    async def _accept(self, arrival: Arrival, key: str | None) -> VideoRecord:
        """Make a video of what has come; where that fails, it lies there as before."""
        video, now_s = self.reception.new_id(), self._now_s()
        await asyncio.to_thread(self.files.accept, arrival.upload, video)
        new = VideoRecord(
            id=video,
            name=arrival.name,
            options=arrival.options,
            num_bytes=arrival.num_bytes,
            url=arrival.url,
            created_s=now_s,
            updated_s=now_s,
        )
        try:
            record = await self.store.create(new, key)
        except BaseException:
            await asyncio.to_thread(self.files.give_back, video, arrival.upload)
            raise
        if record.id != video:  # another upload under this key was quicker
            await asyncio.to_thread(self.files.remove, video)
        if arrival.upload is not None:
            await asyncio.to_thread(self.files.forget, arrival.upload)
        return record

    def _now_s(self) -> float:
        return self.reception.now_s()

    async def _told(self, what: str, call: Callable[[str], Awaitable[object]], video: str) -> None:
        """Tell the queue; where that fails now, `tend` or the fence see to it later."""
        try:
            await call(video)
        except Exception:
            log.exception("queue_not_told", what=what, video=video)
