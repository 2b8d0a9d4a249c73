"""A file to be uploaded, read block by block beside the event loop; or the address of one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from shlex import quote
from typing import Final, Self, TypeGuard

from maskstream_client.errors import SourceError

_BLOCK_BYTES: Final = 256 << 10


def is_address(source: str | Path) -> TypeGuard[str]:
    """Whether a source is fetched by the server, such as https://example.com/street.mp4."""
    return isinstance(source, str) and "://" in source


class SourceFile:
    """An open file; use it as a context manager.

    Raises:
        SourceError: there is none, it is empty, or it is a pipe or device.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            _check_file(path)
            self._file = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
        self.num_bytes = os.fstat(self._file.fileno()).st_size
        if self.num_bytes == 0:
            self._file.close()
            raise SourceError(f"{path} is empty.")

    async def blocks(self, start: int, num_bytes: int) -> AsyncIterator[bytes]:
        """Yield `num_bytes` from `start`.

        Raises:
            SourceError: the file has become shorter.
        """
        end = start + num_bytes
        while start < end:
            block = await asyncio.to_thread(self._read, start, min(_BLOCK_BYTES, end - start))
            if not block:
                raise SourceError(f"{self.path} became shorter while it was uploaded.")
            start += len(block)
            yield block

    def _read(self, start: int, num_bytes: int) -> bytes:
        self._file.seek(start)
        return self._file.read(num_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def _check_file(path: Path) -> None:
    """Refuse what has no size and cannot be read again after a cut; opening a FIFO would wait."""
    is_pipe = path.exists() and not (path.is_file() or path.is_dir())
    if is_pipe or (path == Path("-") and not path.exists()):
        raise SourceError(
            f"An upload needs a file, and {path} is a pipe or device: save the video first, "
            f"or send it with `maskstream stream {quote(str(path))}`."
        )
