"""Brings the file of a video that was handed in as an address.

That is the first part of a worker's job: the answer to the client stays quick, and a worker that
dies or is cancelled in the middle is treated as at any frame.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from maskstream_server.jobs.errors import UploadTooLargeError
from maskstream_server.jobs.files import VideoFiles
from maskstream_server.jobs.room import unclaimed_room
from maskstream_server.jobs.upload import in_blocks
from maskstream_server.jobs.writing import BoundedWriter, too_large
from maskstream_server.outbound.client import Answer, OutboundClient, OutboundError, header
from maskstream_server.outbound.rules import AddressRefused

WHOLE_S = 3600.0
"""A fetch holds a worker up; slower ones are given up."""


class FetchError(OutboundError):
    """The file cannot be had; the text says why."""


@dataclass(frozen=True)
class Fetcher:
    """Brings files to the disk, never into memory.

    Attributes:
        client: knows where it may go.
        files: know how much room there is.
        max_bytes: of one file.
    """

    client: OutboundClient
    files: VideoFiles
    max_bytes: int

    async def fetch(self, url: str, source: Path, fence: int) -> int:
        """Bring a file; it appears at `source` when it is whole; return its bytes.

        Raises:
            FetchError: it cannot be had, or is larger than allowed.
            NoSpaceError: there is no room for it.
        """
        for left in source.parent.glob(f"draft-*-{source.name}"):  # by a worker that died
            left.unlink(missing_ok=True)
        draft = source.with_name(f"draft-{fence}-{source.name}")
        try:
            num_bytes = await self._fetch(url, draft)
            draft.replace(source)
            return num_bytes
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    async def _fetch(self, url: str, draft: Path) -> int:
        try:
            async with asyncio.timeout(WHOLE_S), self.client.get(url) as answer:
                await self._check(answer)
                return await self._write(answer, draft)
        except (AddressRefused, OutboundError, UploadTooLargeError) as error:
            raise FetchError(f"The video cannot be fetched: {error}") from error
        except TimeoutError:
            raise FetchError(f"The video has not come within {WHOLE_S:.0f} s.") from None

    async def _check(self, answer: Answer) -> None:
        if answer.status != 200:
            raise FetchError(f"the answer has the status {answer.status}.")
        if header(answer, "content-encoding") not in (None, "identity"):
            raise FetchError("the answer is compressed, which was not asked for.")
        length = header(answer, "content-length") or ""
        if length.isdecimal():
            if int(length) > self.max_bytes:
                raise too_large(self.max_bytes)
            await asyncio.to_thread(unclaimed_room, self.files, int(length))

    async def _write(self, answer: Answer, draft: Path) -> int:
        with draft.open("wb") as file:
            writer = BoundedWriter(file, partial(unclaimed_room, self.files), self.max_bytes)
            async for block in in_blocks(answer.aiter_stream()):
                await asyncio.to_thread(writer.write, block)
            await asyncio.to_thread(writer.sync)
        if writer.num_bytes == 0:
            raise FetchError("the file is empty.")
        return writer.num_bytes
