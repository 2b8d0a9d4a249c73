"""The interface of a store of videos: atomic changes, visible to all that share it.

Rules live in `record.py`; a store only compares and sets: a change is written where the record is
still the one that it was made from. So a worker with an old fence cannot write.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol

from maskstream_server.errors import VideoUnknownError
from maskstream_server.jobs.records.record import Listed, VideoRecord

GRACE_S = 24 * 3600.0
"""How much longer than it must a record is kept: it is there when its files are removed."""
Memory = Mapping[str, bytes]
"""Named parts of a session's memory before `next_frame` (see `memory.SessionMemory`)."""


class VideoStore(Protocol):
    """Keeps records and memories until `retention_s` after their last change.

    Every call may raise `errors.StoreUnreachableError`; one that returns a single record
    raises `RecordUnreadableError` where that cannot be read, so that it is neither changed nor
    taken for absent.
    """

    async def create(self, record: VideoRecord, key: str | None = None) -> VideoRecord:
        """Add a video, at the latest with this call listed in `page`.

        Args:
            record: the new one.
            key: of the client; the video that was first created under it is returned instead.
        """

    async def created_under(self, key: str) -> VideoRecord | None:
        """Return the video that was created under a client's key."""

    async def get(self, video: str) -> VideoRecord | None:
        """Return the record; None where there is none."""

    async def replace(
        self, old: VideoRecord, new: VideoRecord, memory: Memory | None = None
    ) -> bool:
        """Write `new` (of a higher revision) where `old` is what is there; False where it is not.

        `memory` replaces the stored one in the same moment; None leaves it.
        """

    async def memory(self, video: str) -> Memory:
        """Return the stored memory; empty before the first."""

    async def page(self, limit: int, before: str | None = None) -> list[Listed]:
        """Return up to `limit` records with ids below `before`, newest first.

        One that cannot be read is logged and stands there as an `UnreadableRecord`.
        """

    async def list_again(self, video: str) -> bool:
        """See that a video whose record is there is in `page`; False where there is no record."""

    async def remove(self, video: str) -> None:
        """Forget a video."""

    async def left_s(self, video: str) -> float:
        """Return how many seconds a record is still kept if it does not change; 0 if it is gone."""

    async def identity(self) -> str | None:
        """Return what names this store among all; None where it was never named."""

    async def take_identity(self, identity: str) -> str:
        """Name the store, unless it has a name; return the one that it has."""

    async def now_s(self) -> float:
        """Return Unix time by the clock that all who share the store agree about."""

    async def close(self) -> None:
        """Let connections go."""


async def change(
    store: VideoStore,
    video: str,
    transition: Callable[[VideoRecord], VideoRecord],
    memory: Memory | None = None,
) -> VideoRecord:
    """Apply a transition to whatever the record is when it is written; return the new record.

    Raises:
        FencedOutError: the transition is not allowed (any more).
        VideoUnknownError: the video is not there.
        RecordUnreadableError: its record cannot be read.
    """
    while True:
        old = await store.get(video)
        if old is None:
            raise VideoUnknownError(video)
        new = dataclasses.replace(transition(old), revision=old.revision + 1)
        if await store.replace(old, new, memory):
            return new
