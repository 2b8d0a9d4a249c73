"""Videos in this process: the default on one machine; they end with it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from maskstream_server.jobs.records.record import Listed, VideoRecord
from maskstream_server.jobs.records.store import Memory

IN_PROCESS = "in-process"


@dataclass
class _Entry:
    record: VideoRecord
    expires_s: float
    memory: Memory = field(default_factory=dict)


class MemoryVideoStore:
    """A `VideoStore` for one event loop; no method yields to it."""

    def __init__(
        self,
        retention_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._retention_s = retention_s
        self._clock = clock
        self._wall_s = wall_s
        self._entries: dict[str, _Entry] = {}
        # The video that was created under a client's key, and until when the key counts.
        self._keys: dict[str, tuple[str, float]] = {}

    async def create(self, record: VideoRecord, key: str | None = None) -> VideoRecord:
        """See `VideoStore.create`."""
        self._sweep()
        expires_s = self._clock() + self._retention_s
        if key is not None:
            existing = await self.created_under(key)
            if existing is not None:
                return existing
            self._keys[key] = record.id, expires_s
        self._entries[record.id] = _Entry(record, expires_s)
        return record

    async def created_under(self, key: str) -> VideoRecord | None:
        """See `VideoStore.created_under`."""
        self._sweep()
        video, _ = self._keys.get(key, ("", 0.0))
        return await self.get(video)

    async def get(self, video: str) -> VideoRecord | None:
        """See `VideoStore.get`."""
        self._sweep()
        entry = self._entries.get(video)
        return None if entry is None else entry.record

    async def replace(
        self, old: VideoRecord, new: VideoRecord, memory: Memory | None = None
    ) -> bool:
        """See `VideoStore.replace`."""
        self._sweep()
        entry = self._entries.get(old.id)
        if entry is None or entry.record.revision != old.revision:
            return False
        entry.record, entry.expires_s = new, self._clock() + self._retention_s
        if memory is not None:
            entry.memory = dict(memory)
        return True

    async def memory(self, video: str) -> Memory:
        """See `VideoStore.memory`."""
        self._sweep()
        entry = self._entries.get(video)
        return {} if entry is None else entry.memory

    async def page(self, limit: int, before: str | None = None) -> list[Listed]:
        """See `VideoStore.page`."""
        self._sweep()
        names = (name for name in self._entries if before is None or name < before)
        return [self._entries[name].record for name in sorted(names, reverse=True)[:limit]]

    async def list_again(self, video: str) -> bool:
        """See `VideoStore.list_again`: all records are listed."""
        self._sweep()
        return video in self._entries

    async def remove(self, video: str) -> None:
        """See `VideoStore.remove`."""
        self._entries.pop(video, None)

    async def left_s(self, video: str) -> float:
        """See `VideoStore.left_s`."""
        entry = self._entries.get(video)
        return 0.0 if entry is None else max(0.0, entry.expires_s - self._clock())

    async def identity(self) -> str | None:
        """See `VideoStore.identity`: all of this kind have one; a lock keeps them apart."""
        return IN_PROCESS

    async def take_identity(self, identity: str) -> str:
        """See `VideoStore.take_identity`."""
        return IN_PROCESS

    async def now_s(self) -> float:
        """See `VideoStore.now_s`."""
        return self._wall_s()

    async def close(self) -> None:
        """See `VideoStore.close`."""

    def _sweep(self) -> None:
        now_s = self._clock()
        for name in [name for name, entry in self._entries.items() if entry.expires_s <= now_s]:
            del self._entries[name]
        for key in [key for key, (_, until_s) in self._keys.items() if until_s <= now_s]:
            del self._keys[key]
