"""A file that is not on this machine, as far as it takes to answer with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

BLOCK_BYTES: Final = 2 << 20


@dataclass(frozen=True)
class RemoteFile:
    """A file that never changes.

    Attributes:
        etag: changes with its content.
        read: returns its bytes from one offset to another; blocks, and may raise
            `StoreUnreachableError`.
    """

    num_bytes: int
    etag: str
    modified_s: float
    read: Callable[[int, int], bytes]

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`, a block at a time; reading them blocks."""
        for at in range(start, stop, BLOCK_BYTES):
            yield self.read(at, min(stop, at + BLOCK_BYTES))
