"""What the routes of whole videos do, without HTTP."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from maskstream_server.errors import (
    BadOptionsError,
    FencedOutError,
    NotReadyError,
    RecordUnreadableError,
    StoreUnreachableError,
    VideoUnknownError,
)
from maskstream_server.jobs.intake.intake import Arrival, Intake, VideoSubmission
from maskstream_server.jobs.maintenance.maintenance import Maintenance
from maskstream_server.jobs.maintenance.ownership import Ownership
from maskstream_server.jobs.queue import VideoQueue
from maskstream_server.jobs.records.record import VideoRecord, cancel
from maskstream_server.jobs.records.store import VideoStore, change
from maskstream_server.jobs.storage.availability import checks_folder
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.jobs.storage.remote import RemoteFile

MAX_KEY_CHARACTERS = 255

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class VideoApi:
    """Submits, lists, reads and deletes videos."""

    maintenance: Maintenance
    intake: Intake

    @property
    def store(self) -> VideoStore:
        """Of records."""
        return self.maintenance.store

    @property
    def queue(self) -> VideoQueue:
        """To the workers."""
        return self.maintenance.queue

    @property
    def files(self) -> VideoFiles:
        """Of videos."""
        return self.maintenance.files

    @property
    def ownership(self) -> Ownership:
        """Whether the files are those of the store."""
        return self.maintenance.ownership

    @checks_folder
    async def check_open(self) -> None:
        """Check that a video could be submitted now.

        Raises:
            MismatchError: records and files do not belong together.
            FolderAwayError: the folder is gone.
            StoreUnreachableError: the store is away.
        """
        await self.ownership.check()

    @checks_folder
    async def submit(
        self, submission: VideoSubmission, key: str | None = None, caller: str = ""
    ) -> VideoRecord:
        """Receive a video and queue it; the same key of the same caller returns the same video.

        Raises:
            VideoError: it cannot be accepted; nothing of it is left.
            StoreUnreachableError: nor can it be recorded.
        """
        if key is not None and len(key) > MAX_KEY_CHARACTERS:
            raise BadOptionsError("The Idempotency-Key is too long.")
        key = f"{caller} {key}" if key else submission.once
        if key is not None:
            known = await self.store.created_under(key)
            if known is not None:
                return known
        await self.ownership.check()
        arrival = await submission.receive(self.intake)
        try:
            record = await self._accept(arrival, key)
        except BaseException:
            if arrival.upload is not None and not arrival.resumable:
                await asyncio.to_thread(self.files.forget, arrival.upload)
            raise
        await self.maintenance.notify(self.queue.enqueue, record.id)
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
        now_s = self.maintenance.now_s()
        try:
            record = await change(self.store, video, lambda old: cancel(old, now_s), {})
        except (FencedOutError, RecordUnreadableError):
            await self.maintenance.remove(video)
            return None
        self.maintenance.wake(video)
        await self.maintenance.notify(self.queue.cancel, video)
        try:
            await asyncio.to_thread(self.files.remove, video)
        except StoreUnreachableError as error:  # maintenance does it later
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
            NotReadyError: it was not requested, or is not there yet.
        """
        if name not in record.artifacts:
            there = ", ".join(record.artifacts) or "none yet"
            raise NotReadyError(f"The video has no file {name!r}; there are: {there}.")
        return await asyncio.to_thread(self.files.artifact, record, name)

    async def _accept(self, arrival: Arrival, key: str | None) -> VideoRecord:
        """Make a video of what has come; where that fails, it stays as it was."""
        video, now_s = self.intake.new_id(), self.maintenance.now_s()
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
