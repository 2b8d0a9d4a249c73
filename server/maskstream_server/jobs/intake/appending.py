"""Bytes at the end of a file that several connections may write, and never anywhere else.

What a file has is never written over: a connection that was given up, and continues late,
changes nothing that another one has brought since, nor a file that is complete.
"""

import fcntl
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from maskstream_server.errors import OffsetError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class AppendingFile(io.FileIO):
    """A file that grows from an offset, as long as no other writer appends to it; blocks.

    Nothing is buffered: what `write` has raised for never comes later.

    Args:
        path: of a file that is there.
        offset: where it ends.

    Raises:
        FileNotFoundError: it is not there.
    """

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(path, "r+b")
        self._offset = offset

    def write(self, data: "ReadableBuffer", /) -> int:
        """Append all of `data`; return its length.

        Raises:
            OffsetError: another connection has let the file grow.
        """
        left = memoryview(data)
        if not left:
            return 0
        # Of the open file, so that it goes with whatever dies; held for one write only.
        fcntl.flock(self, fcntl.LOCK_EX)
        try:
            end = os.fstat(self.fileno()).st_size
            if end != self._offset:
                raise OffsetError(f"The upload continues at byte {end}, not at {self._offset}.")
            self._offset += len(left)
            while left:
                left = left[os.pwrite(self.fileno(), left, self._offset - len(left)) :]
        finally:
            fcntl.flock(self, fcntl.LOCK_UN)
        return len(memoryview(data))
