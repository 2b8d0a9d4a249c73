"""Where videos are handed in and asked for: what the routes do, without HTTP."""

import asyncio
import os
import time
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from maskstream_server.jobs.census import Census
from maskstream_server.jobs.errors import (
    BadOptionsError,
    FencedOut,
    NotReadyError,
    VideoUnknownError,
)
from maskstream_server.jobs.files import VideoFiles
from maskstream_server.jobs.options import ModelFacts, VideoOptions, read_options
from maskstream_server.jobs.queue import VideoQueue
from maskstream_server.jobs.record import VideoRecord, VideoState, cancel
from maskstream_server.jobs.store import VideoStore, change
from maskstream_server.jobs.upload import UploadForm, in_blocks, too_large

ROOM_CHECK_BYTES = 64 << 20
"""While an upload of unknown length comes in, room is looked for so often."""
FORM_BYTES = 128 << 10
"""What a form may have around its file."""
MAX_KEY_CHARACTERS = 255
PAGE = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Upload:
    """A body that comes in, and what its headers say of it."""

    chunks: AsyncIterable[bytes]
    content_type: str
    num_bytes: int | None = None
    key: str | None = None


@dataclass(frozen=True)
class VideoDesk:
    """The desk of all videos that share a store.

    Attributes:
        store: of records.
        queue: to the workers.
        files: of videos.
        model: the one that the workers run.
        max_bytes: of one file.
        random_bytes: for ids.
        now_s: Unix time.
    """

    store: VideoStore
    queue: VideoQueue
    files: VideoFiles
    model: ModelFacts
    max_bytes: int
    random_bytes: Callable[[int], bytes] = os.urandom
    now_s: Callable[[], float] = time.time

    async def submit(self, upload: Upload) -> VideoRecord:
        """Take a video in and queue it; the same key again returns the same video.

        Raises:
            VideoError: the upload cannot be taken; nothing of it is left.
        """
        if upload.key is not None:
            if len(upload.key) > MAX_KEY_CHARACTERS:
                raise BadOptionsError("The Idempotency-Key is too long.")
            known = await self.store.created_under(upload.key)
            if known is not None:
                return known
        self._check_size(upload)
        video = self._new_id()
        try:
            record = await self.store.create(await self._receive(video, upload), upload.key)
        except BaseException:
            self.files.remove(video)
            raise
        if record.id != video:  # another upload under this key was quicker
            self.files.remove(video)
        await self._told("enqueue", self.queue.enqueue, record.id)
        return record

    async def get(self, video: str) -> VideoRecord:
        """Return a record.

        Raises:
            VideoUnknownError: there is none.
        """
        record = await self.store.get(video)
        if record is None:
            raise VideoUnknownError(video)
        return record

    async def delete(self, video: str) -> VideoRecord | None:
        """Cancel a video that has not ended, forget one that has; its files go in both cases.

        Returns:
            The cancelled record; None where there is none any more.

        Raises:
            VideoUnknownError: there is none.
        """
        record: VideoRecord | None
        try:
            record = await change(self.store, video, lambda old: cancel(old, self.now_s()), {})
            await self._told("cancel", self.queue.cancel, video)
        except FencedOut:
            record = None
            await self.store.remove(video)
        await asyncio.to_thread(self.files.remove, video)
        return record

    def artifact(self, record: VideoRecord, name: str) -> Path:
        """Return where an artifact is.

        Raises:
            NotReadyError: it was not wished for, or is not there yet.
        """
        if name not in record.artifacts:
            there = ", ".join(record.artifacts) or "none yet"
            raise NotReadyError(f"The video has no file {name!r}; there are: {there}.")
        return self.files.folder(record.id) / name

    async def tend(self) -> Census:
        """Mend what crashes have left: queue what waits for no worker, remove what nobody needs.

        Returns:
            what there is.
        """
        census = Census(self.now_s())
        known, before = set[str](), None
        while page := await self.store.page(PAGE, before):
            for record in page:
                known.add(record.id)
                census.meet(record)
                if not record.ended:
                    await self._told("enqueue", self.queue.enqueue, record.id)
                elif record.state is VideoState.CANCELLED:
                    await asyncio.to_thread(self.files.remove, record.id)
            before = page[-1].id
        orphans = await asyncio.to_thread(self.files.remove_orphans, known)
        if orphans:
            log.info("files_without_video_removed", num_videos=len(orphans))
        return census

    def _check_size(self, upload: Upload) -> None:
        """Refuse by its length what cannot be taken, before any of it is read."""
        num_bytes = upload.num_bytes or 0
        if num_bytes > self.max_bytes + FORM_BYTES:
            raise too_large(self.max_bytes)
        self.files.check_room(num_bytes)

    async def _receive(self, video: str, upload: Upload) -> VideoRecord:
        """Write the upload to the disk; return the record of the video."""
        source = await asyncio.to_thread(self.files.create, video)
        with source.open("wb") as file:
            form = UploadForm(upload.content_type, file, self.max_bytes)
            checked = 0
            async for block in in_blocks(upload.chunks):
                await asyncio.to_thread(form.feed, block)
                if form.num_bytes - checked >= ROOM_CHECK_BYTES:
                    await asyncio.to_thread(self.files.check_room)
                    checked = form.num_bytes
            name, options = form.finish(), read_options(form.options, self.model)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return self._new_record(video, name, options, form.num_bytes)

    def _new_record(
        self, video: str, name: str, options: VideoOptions, num_bytes: int
    ) -> VideoRecord:
        now_s = self.now_s()
        return VideoRecord(video, name, options, num_bytes, created_s=now_s, updated_s=now_s)

    def _new_id(self) -> str:
        """Return an id above all earlier ones (to the millisecond) that nobody can guess."""
        return f"{round(1000 * self.now_s()):012x}{self.random_bytes(10).hex()}"

    async def _told(self, what: str, call: Callable[[str], object], video: str) -> None:
        """Tell the queue; where that fails now, `tend` or the fence see to it later."""
        try:
            await call(video)  # type: ignore[misc]
        except Exception:
            log.exception("queue_not_told", what=what, video=video)
