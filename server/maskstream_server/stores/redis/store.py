"""Sessions in Redis 7 or Valkey (6.2 suffices): any server that shares it can continue them.

Every write is one script on the keys of one session, which share a hash tag.
"""

from collections.abc import Awaitable
from contextlib import suppress
from math import inf
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from maskstream_server.errors import (
    DamagedKeyError,
    SessionExistsError,
    SessionUnreadableError,
    StoreForbiddenError,
    StoreFullError,
)
from maskstream_server.stores.interface import (
    CHANNELS,
    FULL_FRACTION,
    TOMBSTONE_LEASES,
    Commit,
    CommitOutcome,
    KeptResult,
    Lease,
    LeaseRenewer,
    OnResult,
    Outbox,
    SessionListing,
    StoredSession,
    StoreTimes,
    StoreUsage,
    TakenOver,
)
from maskstream_server.stores.redis import scripts
from maskstream_server.stores.redis.coding import (
    SESSION_KEYS,
    commit_args,
    keys_of,
    milliseconds,
    outbox_key,
    read_listing,
    read_session,
    session_of,
    ticket_key,
)
from maskstream_server.stores.redis.connection import RedisConnection, connection_options
from maskstream_server.stores.redis.outboxes import RedisOutboxes
from maskstream_server.stores.redis.renewer import RedisRenewer
from maskstream_server.stores.redis.watch import RedisWatch


class RedisStore:
    """A `SessionStore` for the event loop that first uses it.

    Args:
        url: `redis://[user:password@]host:port/database`, `rediss://` or `unix://`.
        times: lives of memories and leases.
        timeout_s: how long a command may take before the store counts as away.
        max_connections: commands that may be under way at once; others wait for `timeout_s`.
    """

    def __init__(
        self,
        url: str,
        times: StoreTimes | None = None,
        timeout_s: float = 2.0,
        max_connections: int = 16,
    ) -> None:
        self.times = times or StoreTimes()
        self._url = url
        self._timeout_s = timeout_s
        self._connection = RedisConnection(url, timeout_s, max_connections)
        self._run, self._redis = self._connection.run, self._connection.redis
        register = self._redis.register_script
        self._create = register(scripts.CREATE)
        self._take_over = register(scripts.TAKE_OVER)
        self._confirm_token = register(scripts.CONFIRM_TOKEN)
        self._seize = register(scripts.SEIZE)
        self._commit = register(scripts.COMMIT)
        self._release = register(scripts.RELEASE)
        self._delete = register(scripts.DELETE)
        self._take_ticket = register(scripts.TAKE_TICKET)
        self._outboxes = RedisOutboxes(self._connection)

    async def create(self, session: str, owner: str, token_hash: str, fence: int = 1) -> Lease:
        """See `SessionStore.create`."""
        usage = await self.usage()
        if (usage.used_bytes or 0) >= FULL_FRACTION * (usage.max_bytes or inf):
            raise StoreFullError(f"{usage.used_bytes} of {usage.max_bytes} bytes are used")
        args: list[Any] = [owner, token_hash, fence, *self._lives_ms()]
        if not await self._of(session, self._create(keys_of(session), args)):
            raise SessionExistsError(session)
        return Lease(session, owner, fence)

    async def take_over(
        self, session: str, owner: str, token_hash: str, new_token_hash: str
    ) -> TakenOver | None:
        """See `SessionStore.take_over`."""
        args: list[Any] = [owner, token_hash, new_token_hash, *self._lives_ms()]
        answer = await self._of(session, self._take_over(keys_of(session), args))
        if not answer:
            return None
        fence, flat = answer
        stored = None
        with suppress(SessionUnreadableError):
            stored = read_session(session, dict(zip(flat[::2], flat[1::2], strict=True)))
        return TakenOver(Lease(session, owner, int(fence)), stored)

    async def confirm_token(self, lease: Lease) -> None:
        """See `SessionStore.confirm_token`."""
        command = self._confirm_token(keys_of(lease.session)[:1], [lease.fence])
        await self._of(lease.session, command)

    async def seize(self, session: str, owner: str) -> Lease | None:
        """See `SessionStore.seize`."""
        args: list[Any] = [owner, *self._lives_ms()]
        fence = await self._of(session, self._seize(keys_of(session), args))
        return Lease(session, owner, int(fence)) if fence else None

    async def commit(self, commit: Commit) -> CommitOutcome:
        """See `SessionStore.commit`."""
        memory, _, results = keys_of(commit.lease.session)
        args = commit_args(commit, milliseconds(self.times.resume_ttl_s))
        session = commit.lease.session
        keys = [memory, results, *(outbox_key(Outbox(session, each)) for each in CHANNELS)]
        word = await self._of(session, self._commit(keys, args))
        return CommitOutcome(word.decode())

    async def load(self, session: str) -> StoredSession | None:
        """See `SessionStore.load`."""
        fields = await self._of(session, self._redis.hgetall(keys_of(session)[0]))
        return read_session(session, fields) if b"token" in fields else None

    async def results_after(self, session: str, last_sequence: int) -> list[KeptResult]:
        """See `SessionStore.results_after`."""
        key = keys_of(session)[2]
        command = self._redis.xrange(key, min=f"{last_sequence + 1}-0")
        entries = await self._of(session, command)
        try:
            return [KeptResult(int(name.partition(b"-")[0]), item[b"m"]) for name, item in entries]
        except KeyError:
            raise SessionUnreadableError(session) from None

    async def release(self, lease: Lease) -> None:
        """See `SessionStore.release`."""
        args: list[Any] = [lease.fence, milliseconds(self.times.resume_ttl_s)]
        await self._of(lease.session, self._release(keys_of(lease.session), args))

    async def delete(self, lease: Lease) -> bool:
        """See `SessionStore.delete`."""
        args: list[Any] = [
            lease.fence,
            lease.fence + 1,
            milliseconds(TOMBSTONE_LEASES * self.times.lease_s),
        ]
        return bool(await self._of(lease.session, self._delete(keys_of(lease.session), args)))

    async def discard(self, session: str) -> None:
        """See `SessionStore.discard`."""
        await self._run(self._redis.delete(*keys_of(session)))
        with suppress(StoreForbiddenError):  # without viewers
            await self._run(self._redis.publish(keys_of(session)[2], ""))

    async def listing(self, limit: int) -> list[SessionListing]:
        """See `SessionStore.listing`."""
        found: list[SessionListing] = await self._run(self._listing(limit))
        return found

    async def _listing(self, limit: int) -> list[SessionListing]:
        found: list[SessionListing] = []
        async for key in self._redis.scan_iter(match=SESSION_KEYS, count=1000):
            if len(found) == limit:
                break
            session = session_of(key)
            if session is None:
                continue
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hmget(key, "token", "epoch", "sequence")
            pipeline.get(keys_of(session)[1])
            pipeline.pttl(key)
            answers = await pipeline.execute(raise_on_error=False)
            for refusal in (each for each in answers if isinstance(each, NoPermissionError)):
                raise refusal
            listed = read_listing(session, answers)
            if listed is not None:
                found.append(listed)
                if not listed.readable:
                    structlog.get_logger(__name__).warning("session_unreadable", session=session)
        return found

    async def watch(self, session: str, on_result: OnResult) -> RedisWatch:
        """See `SessionStore.watch`."""
        # No timeout of reads: a session may be silent for any time.
        options = connection_options(self._timeout_s) | {"socket_timeout": None}
        redis: Redis = Redis.from_url(self._url, **options)
        watch = RedisWatch(redis, keys_of(session)[2], on_result)
        try:
            await watch.ready(self._timeout_s)
        except BaseException:
            await watch.close()
            raise
        return watch

    async def outboxes(self) -> list[Outbox]:
        """See `SessionStore.outboxes`."""
        return await self._outboxes.waiting()

    async def claim_outbox(self, outbox: Outbox, owner: str, life_s: float) -> bool:
        """See `SessionStore.claim_outbox`."""
        return await self._outboxes.claim(outbox, owner, life_s)

    async def leave_outbox(self, outbox: Outbox, owner: str) -> None:
        """See `SessionStore.leave_outbox`."""
        await self._outboxes.leave(outbox, owner)

    async def first_delivery(self, outbox: Outbox) -> bytes | None:
        """See `SessionStore.first_delivery`."""
        return await self._outboxes.first(outbox)

    async def delivered(self, outbox: Outbox, body: bytes) -> None:
        """See `SessionStore.delivered`."""
        await self._outboxes.delivered(outbox, body)

    async def keep_ticket(self, ticket_hash: str, caller: str, life_s: float) -> None:
        """See `SessionStore.keep_ticket`."""
        life_ms = milliseconds(life_s)
        await self._run(self._redis.set(ticket_key(ticket_hash), caller, px=life_ms))

    async def take_ticket(self, ticket_hash: str) -> str | None:
        """See `SessionStore.take_ticket`."""
        caller = await self._run(self._take_ticket([ticket_key(ticket_hash)]))
        return None if caller is None else caller.decode()

    async def usage(self) -> StoreUsage:
        """See `SessionStore.usage`."""
        try:
            info = await self._run(self._redis.info("memory"))
        except StoreForbiddenError:  # it is not seen filling up; full, it still refuses
            return StoreUsage(None, None)
        return StoreUsage(int(info["used_memory"]), int(info["maxmemory"]) or None)

    async def ping(self) -> None:
        """See `SessionStore.ping`."""
        await self._run(self._redis.ping())

    def renewer(self) -> LeaseRenewer:
        """See `SessionStore.renewer`."""
        return RedisRenewer(self._url, self.times, self._timeout_s)

    async def close(self) -> None:
        """See `SessionStore.close`."""
        await self._connection.close()

    async def _of(self, session: str, command: Awaitable[Any]) -> Any:
        """Run a command on the keys of one session."""
        try:
            return await self._run(command)
        except DamagedKeyError as error:
            raise SessionUnreadableError(session) from error

    def _lives_ms(self) -> tuple[int, int]:
        return milliseconds(self.times.lease_s), milliseconds(self.times.resume_ttl_s)
