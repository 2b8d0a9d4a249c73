"""A file that lies elsewhere, as far as it takes to answer with it."""

from collections.abc import Iterator
from typing import Protocol


class RemoteFile(Protocol):
    """A file that is not on this machine and never changes; reading it blocks."""

    @property
    def num_bytes(self) -> int:
        """Its whole length."""
        ...

    @property
    def etag(self) -> str:
        """Changes with its content."""
        ...

    @property
    def modified_s(self) -> float:
        """Unix time."""
        ...

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield some bytes of it, never much at a time.

        Raises:
            StoreUnreachableError: it cannot be read now.
        """
        ...
