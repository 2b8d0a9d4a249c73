"""Videos in Redis 7 or Valkey: any server and worker that shares it sees the same ones.

Keys: `mv:{ID}:v` a hash (revision, record, `p:NAME` for each part of the memory), `mv:index` a set
of ids in their order, `mv:{HASH}:k` the id that was created under a client's key, `mv:store` what
names the store (see `VideoStore.identity`).
"""

import hashlib
import os
import time
from collections.abc import Awaitable
from typing import Any

import structlog

from maskstream_server.errors import (
    DamagedKeyError,
    RecordUnreadableError,
    StoreForbiddenError,
    StoreUnreachableError,
)
from maskstream_server.jobs.records.coding import record_from_json, record_to_json
from maskstream_server.jobs.records.record import Listed, UnreadableRecord, VideoRecord
from maskstream_server.jobs.records.store import Memory
from maskstream_server.stores.redis.coding import PART, milliseconds
from maskstream_server.stores.redis.connection import RedisConnection

INDEX = "mv:index"
IDENTITY = "mv:store"

REPLACE = """
-- KEYS v; ARGV old_revision new_revision record ttl_ms write num_parts (-1: the memory stays),
-- then name and bytes of each part -> 1 written, 0 not what it was made from
local stored = redis.call('HMGET', KEYS[1], 'revision', 'write')
-- A write that is there already came before, and its answer was lost.
if stored[1] ~= ARGV[1] then return stored[2] == ARGV[5] and 1 or 0 end
-- The first write is one that a full store refuses: after it, none of a script's is refused.
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'record', ARGV[3], 'write', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local num_parts = tonumber(ARGV[6])
if num_parts < 0 then return 1 end
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(name, 1, 2) == 'p:' then redis.call('HDEL', KEYS[1], name) end
end
for part = 1, num_parts do
  redis.call('HSET', KEYS[1], 'p:' .. ARGV[5 + 2 * part], ARGV[6 + 2 * part])
end
return 1
"""


class RedisVideoStore:
    """A `VideoStore` for the event loop that first uses it.

    Args:
        url: `redis://[user:password@]host:port/database`, `rediss://` or `unix://`.
        retention_s: how long a video outlives its last change.
        timeout_s: how long a command may take before the store counts as away.
    """

    def __init__(self, url: str, retention_s: float, timeout_s: float = 2.0) -> None:
        self._ttl_ms = milliseconds(retention_s)
        self._connection = RedisConnection(url, timeout_s)
        self._run, self._redis = self._connection.run, self._connection.redis
        self._replace = self._redis.register_script(REPLACE)

    async def create(self, record: VideoRecord, key: str | None = None) -> VideoRecord:
        """See `VideoStore.create`."""
        name = _key_of(record.id)
        fields: Any = {"revision": record.revision, "record": record_to_json(record)}
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hset(name, mapping=fields)
        pipeline.pexpire(name, self._ttl_ms)
        await self._run(pipeline.execute())
        await self._of_index(self._redis.zadd(INDEX, {record.id: 0}))
        if key is None or await self._take_key(key, record.id):
            return record
        existing = await self.created_under(key)
        if existing is None:  # a key of a video that is gone
            await self._run(self._redis.set(_client_key(key), record.id, px=self._ttl_ms))
            return record
        await self.remove(record.id)
        return existing

    async def created_under(self, key: str) -> VideoRecord | None:
        """See `VideoStore.created_under`."""
        video = await self._word(_client_key(key))
        return None if video is None else await self.get(video)

    async def get(self, video: str) -> VideoRecord | None:
        """See `VideoStore.get`."""
        name = _key_of(video)
        try:
            revision, text = await self._run(self._redis.hmget(name, "revision", "record"))
        except DamagedKeyError:
            raise RecordUnreadableError(video, "its key holds something else") from None
        if text is None:
            if await self._run(self._redis.exists(name)):
                raise RecordUnreadableError(video, "its key holds no record")
            return None
        record = record_from_json(text, video)
        if revision != str(record.revision).encode():  # no change of it would ever be written
            raise RecordUnreadableError(video, "its revision is not that of its key")
        return record

    async def replace(
        self, old: VideoRecord, new: VideoRecord, memory: Memory | None = None
    ) -> bool:
        """See `VideoStore.replace`."""
        args: list[Any] = [old.revision, new.revision, record_to_json(new), self._ttl_ms]
        args += [os.urandom(8), -1 if memory is None else len(memory)]
        for name, blob in (memory or {}).items():
            args += [name, blob]
        return bool(await self._run(self._replace([_key_of(old.id)], args)))

    async def memory(self, video: str) -> Memory:
        """See `VideoStore.memory`."""
        fields = await self._run(self._redis.hgetall(_key_of(video)))
        return {
            name.removeprefix(PART).decode(errors="replace"): blob
            for name, blob in fields.items()
            if name.startswith(PART)
        }

    async def page(self, limit: int, before: str | None = None) -> list[Listed]:
        """See `VideoStore.page`."""
        found: list[Listed] = []
        top = b"+" if before is None else b"(" + before.encode()
        while len(found) < limit:
            window = self._redis.zrevrangebylex(INDEX, top, "-", 0, limit)
            names: list[bytes] = await self._of_index(window)
            if not names:
                break
            for name in names:
                record = await self._listed(name.decode(errors="replace"))
                if record is not None:
                    found.append(record)
                else:  # its time is over
                    await self._run(self._redis.zrem(INDEX, name))
            top = b"(" + names[-1]
        return found[:limit]

    async def list_again(self, video: str) -> bool:
        """See `VideoStore.list_again`: the index is a key of its own, and may be lost alone."""
        if not await self._run(self._redis.exists(_key_of(video))):
            return False
        await self._of_index(self._redis.zadd(INDEX, {video: 0}))
        return True

    async def remove(self, video: str) -> None:
        """See `VideoStore.remove`."""
        await self._run(self._redis.delete(_key_of(video)))
        await self._of_index(self._redis.zrem(INDEX, video))

    async def left_s(self, video: str) -> float:
        """See `VideoStore.left_s`."""
        left_ms: int = await self._run(self._redis.pttl(_key_of(video)))
        return max(0.0, 1e-3 * left_ms)

    async def identity(self) -> str | None:
        """See `VideoStore.identity`."""
        return await self._word(IDENTITY)

    async def take_identity(self, identity: str) -> str:
        """See `VideoStore.take_identity`."""
        await self._run(self._redis.set(IDENTITY, identity, nx=True))
        if await self.identity() is None:  # there is one, but damaged
            await self._run(self._redis.set(IDENTITY, identity))
        return await self.identity() or identity

    async def now_s(self) -> float:
        """See `VideoStore.now_s`; this machine's where the user may not ask."""
        try:
            seconds, microseconds = await self._run(self._redis.time())
        except StoreForbiddenError:
            return time.time()
        return int(seconds) + 1e-6 * int(microseconds)

    async def close(self) -> None:
        """See `VideoStore.close`."""
        await self._connection.close()

    async def _listed(self, video: str) -> Listed | None:
        try:
            return await self.get(video)
        except RecordUnreadableError as error:
            log = structlog.get_logger(__name__)
            log.warning("record_unreadable", video=video, reason=error.reason)
            return UnreadableRecord(video, error.reason)

    async def _of_index(self, command: Awaitable[Any]) -> Any:
        try:
            return await self._run(command)
        except DamagedKeyError:
            # Not as empty: then all videos would count as strays.
            raise StoreUnreachableError(f"{INDEX} holds something else than videos") from None

    async def _word(self, key: str) -> str | None:
        """Return the text of a key; None where there is none, or something else than we write."""
        try:
            text: bytes | None = await self._run(self._redis.get(key))
            return None if text is None else text.decode()
        except (DamagedKeyError, UnicodeDecodeError):
            return None

    async def _take_key(self, key: str, video: str) -> bool:
        taken = self._redis.set(_client_key(key), video, nx=True, px=self._ttl_ms)
        return bool(await self._run(taken))


def _key_of(video: str) -> str:
    """Return the key of a video; ids come from clients, so braces could name another's slot."""
    return f"mv:{{{video}}}:v"


def _client_key(key: str) -> str:
    return f"mv:{{{hashlib.sha256(key.encode()).hexdigest()}}}:k"
