"""Whether the records and the files of videos belong together; if not, nothing is removed.

Store and folder (or bucket) carry one id. They get it when they first meet, and only where no
video could be lost by that: an empty store beside a folder with videos is a lost or a wrong one.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from maskstream_server.errors import MismatchError, StoreUnreachableError
from maskstream_server.jobs.records.memory_store import IN_PROCESS
from maskstream_server.jobs.records.record import VideoRecord, VideoState
from maskstream_server.jobs.records.store import VideoStore
from maskstream_server.jobs.storage.availability import checks_folder
from maskstream_server.jobs.storage.files import VideoFiles

PAGE: Final = 100
FOREIGN: Final = "The folder (or bucket) of videos belongs to another store."
NO_RECORDS: Final = "The store knows nothing of the videos in the folder (or bucket)."
NO_FILES: Final = "The folder (or bucket) does not have the videos that the store knows of."
ADVICE: Final = (
    "Correct MASKSTREAM_STORE, MASKSTREAM_DATA_FOLDER or MASKSTREAM_BUCKET, or restore the other"
    " one from the same backup; `maskstream doctor --adopt` lets them belong together as they are."
)


class Ownership:
    """The store and the files of one server.

    Attributes:
        mismatch: one sentence for the operator, as last found; None where all is well.
    """

    def __init__(
        self,
        store: VideoStore,
        files: VideoFiles,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.mismatch: str | None = None
        self.files = files
        self._store, self._random_bytes = store, random_bytes

    @checks_folder
    async def check(self) -> None:
        """See that they belong together; where nothing can be lost, let them from now on.

        Raises:
            MismatchError: they do not.
            FolderAwayError, StoreUnreachableError: nobody knows.
        """
        identity, owner = await self._ids()
        self.mismatch = await self._mismatch(identity, owner)
        if self.mismatch is not None:
            raise MismatchError
        if identity is None or identity != owner:
            await self.adopt()

    async def belong(self) -> bool:
        """Return whether they did when last looked at; where they did not, look anew."""
        if self.mismatch is not None:
            with suppress(MismatchError, StoreUnreachableError, OSError):
                await self.check()
        return self.mismatch is None

    async def find_mismatch(self) -> str | None:
        """Return why they do not belong together; None where they do, or could."""
        return await self._mismatch(*await self._ids())

    async def adopt(self) -> None:
        """Let them belong together from now on, whatever they hold."""
        _, owner = await self._ids()
        new = self._random_bytes(16).hex() if owner in (None, IN_PROCESS) else owner
        identity = await self._store.take_identity(str(new))
        await asyncio.to_thread(self.files.set_owner, identity)

    async def _ids(self) -> tuple[str | None, str | None]:
        """Return the id of the store, and that in the folder."""
        return await self._store.identity(), await asyncio.to_thread(self.files.owner)

    async def _mismatch(self, identity: str | None, owner: str | None) -> str | None:
        if identity is not None and identity == owner:
            return None
        there = set(await asyncio.to_thread(self.files.videos))
        if owner == IN_PROCESS and not there:
            owner = None  # it has left nothing
        if owner is not None and identity is not None:
            return FOREIGN
        if owner is not None and there:
            return NO_RECORDS
        return await self._compare(there)

    async def _compare(self, there: set[str]) -> str | None:
        """Compare what they hold; a video that both know of shows that they belong together.

        Only where the folder has no id: a store that lost its own may have taken a new video in.
        """
        missing, before = False, None
        while (there or not missing) and (page := await self._store.page(PAGE, before)):
            if not there.isdisjoint(record.id for record in page):
                return None
            missing = missing or any(_has_files(record) for record in page)
            before = page[-1].id
        return NO_RECORDS if there else NO_FILES if missing else None


def _has_files(record: object) -> bool:
    return (
        isinstance(record, VideoRecord)
        and record.num_bytes > 0
        and record.state is not VideoState.CANCELLED
    )
