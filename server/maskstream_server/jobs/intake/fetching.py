"""Fetches the file of a video that was submitted as an address.

That is the first part of a worker's job: the answer to the client stays quick, and a worker that
dies or is cancelled in the middle is treated as at any frame.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from maskstream_server.errors import JobFailedError, OutboundError, UploadTooLargeError
from maskstream_server.jobs.intake.upload import in_blocks
from maskstream_server.jobs.intake.writing import incoming_file, too_large
from maskstream_server.jobs.storage.files import DATA, VideoFiles
from maskstream_server.outbound.client import Answer, OutboundClient, header

WHOLE_S = 3600.0
"""A fetch holds a worker up; slower ones are given up."""


@dataclass(frozen=True)
class Fetcher:
    """Fetches files to the disk, never into memory."""

    client: OutboundClient
    files: VideoFiles
    max_bytes: int

    async def fetch(self, url: str, source: Path, fence: int) -> int:
        """Fetch a file; it appears at `source` when it is whole; return its bytes.

        Raises:
            JobFailedError: it cannot be had, or is larger than allowed.
            NoSpaceError: there is no space for it.
        """
        ours = "fetch" + "".join(filter(str.isalnum, source.parent.name)) + "x"
        for left in self.files.uploads():
            if left.startswith(ours):  # by a worker that died
                self.files.forget(left)
        upload = f"{ours}{fence}"
        try:
            num_bytes = await self._fetch(url, upload)
            (self.files.incoming(upload) / DATA).replace(source)
            return num_bytes
        finally:
            await asyncio.to_thread(self.files.forget, upload)

    async def _fetch(self, url: str, upload: str) -> int:
        try:
            async with asyncio.timeout(WHOLE_S), self.client.get(url) as answer:
                length = self._checked_length(answer)
                return await self._write(answer, upload, length)
        except (OutboundError, UploadTooLargeError) as error:
            raise JobFailedError(f"The video cannot be fetched: {error}") from error
        except TimeoutError:
            raise JobFailedError(f"The video has not come within {WHOLE_S:.0f} s.") from None

    def _checked_length(self, answer: Answer) -> int | None:
        """Return how long the file will be, where that is known."""
        if answer.status != 200:
            raise OutboundError(f"the answer has the status {answer.status}.")
        if header(answer, "content-encoding") not in (None, "identity"):
            raise OutboundError("the answer is compressed, which was not asked for.")
        length = header(answer, "content-length") or ""
        if not length.isdecimal():
            return None
        if int(length) > self.max_bytes:
            raise too_large(self.max_bytes)
        return int(length)

    async def _write(self, answer: Answer, upload: str, length: int | None) -> int:
        async with incoming_file(self.files, upload, self.max_bytes, length) as writer:
            async for block in in_blocks(answer.aiter_stream()):
                await asyncio.to_thread(writer.write, block)
        if writer.num_bytes == 0:
            raise OutboundError("the file is empty.")
        return writer.num_bytes
