"""The time that servers and workers of one store agree about: the store's."""

import time
from collections.abc import Callable

from maskstream_server.jobs.records.store import VideoStore


class StoreClock:
    """Unix time by the store's clock; in between, by one of this process that only grows.

    Times in records are compared by other machines than those that wrote them, and a machine's own
    clock may be off or jump. Before the store was first asked it is this machine's, for want of
    a better one.

    Args:
        monotonic: seconds that only grow.
        wall_s: this machine's Unix time.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._ahead_s = wall_s() - monotonic()

    def __call__(self) -> float:
        """Return Unix time."""
        return self._monotonic() + self._ahead_s

    async def set_by(self, store: VideoStore) -> None:
        """Ask the store for its time.

        Raises:
            StoreUnreachableError: it does not answer; the clock stays as it was set last.
        """
        before_s = self._monotonic()
        told_s = await store.now_s()
        self._ahead_s = told_s - (before_s + self._monotonic()) / 2
