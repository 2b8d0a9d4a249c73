"""Sessions in this process: the default for one machine, and the model of what a store does."""

import threading
import time
from collections.abc import Callable, Sequence

from maskstream_server.errors import SessionExistsError, StoreFullError
from maskstream_server.stores.interface import (
    FULL_FRACTION,
    TOMBSTONE_LEASES,
    Commit,
    CommitOutcome,
    KeptResult,
    Lease,
    OnResult,
    Outbox,
    SessionListing,
    StoredSession,
    StoreTimes,
    StoreUsage,
    TakenOver,
)
from maskstream_server.stores.memory_outboxes import MemoryOutboxes
from maskstream_server.stores.record import SessionRecord, refusal, write


class MemoryStore:
    """A `SessionStore` of one process; all methods are quick, none raises StoreUnreachableError."""

    def __init__(
        self,
        times: StoreTimes | None = None,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.times = times or StoreTimes()
        self._max_bytes = max_bytes
        self._clock = clock
        self._records: dict[str, SessionRecord] = {}
        self._outboxes = MemoryOutboxes(clock)
        self._used_bytes = 0
        # The caller of each ticket, and when it expires.
        self._tickets: dict[str, tuple[str, float]] = {}
        self._watching: dict[str, list[OnResult]] = {}
        # The renewer comes from another thread.
        self._lock = threading.Lock()

    async def create(self, session: str, owner: str, token_hash: str, fence: int = 1) -> Lease:
        """See `SessionStore.create`."""
        with self._lock:
            self._sweep()
            record = self._records.get(session)
            if record is None:
                if self._is_full():
                    raise StoreFullError(f"{self._used_bytes} of {self._max_bytes} bytes are used")
                record = self._records[session] = SessionRecord(fence, token_hash, 0.0)
            elif (record.token, record.fence) != (token_hash, fence):
                raise SessionExistsError(session)
            return self._lease_to(session, record, owner)

    async def take_over(
        self, session: str, owner: str, token_hash: str, new_token_hash: str
    ) -> TakenOver | None:
        """See `SessionStore.take_over`."""
        with self._lock:
            record = self._living(session)
            if record is None or token_hash not in (record.token, record.previous):
                return None
            record.token, record.previous = new_token_hash, token_hash
            record.fence += 1
            return TakenOver(self._lease_to(session, record, owner), record.stored)

    async def confirm_token(self, lease: Lease) -> None:
        """See `SessionStore.confirm_token`."""
        with self._lock:
            record = self._living(lease.session)
            if record is not None and record.fence == lease.fence:
                record.previous = None

    async def seize(self, session: str, owner: str) -> Lease | None:
        """See `SessionStore.seize`."""
        with self._lock:
            record = self._living(session)
            if record is None:
                return None
            record.fence += 1
            return self._lease_to(session, record, owner)

    async def commit(self, commit: Commit) -> CommitOutcome:
        """See `SessionStore.commit`."""
        with self._lock:
            record = self._records.get(commit.lease.session)
            if record is None or record.expires_s <= self._clock():
                return CommitOutcome.MISSING
            refused = refusal(record, commit)
            if refused is not None:
                return refused
            self._used_bytes -= record.num_bytes
            self._outboxes.add(commit, record.stored.sequence)
            results = write(record, commit)
            self._used_bytes += record.num_bytes
            record.expires_s = self._clock() + self.times.resume_ttl_s
        self._tell(commit.lease.session, *results)
        return CommitOutcome.COMMITTED

    async def load(self, session: str) -> StoredSession | None:
        """See `SessionStore.load`."""
        with self._lock:
            record = self._living(session)
            return None if record is None else record.stored

    async def results_after(self, session: str, last_sequence: int) -> list[KeptResult]:
        """See `SessionStore.results_after`."""
        with self._lock:
            record = self._living(session)
            kept = [] if record is None else record.results
            return [result for result in kept if result.sequence > last_sequence]

    async def release(self, lease: Lease) -> None:
        """See `SessionStore.release`."""
        with self._lock:
            record = self._living(lease.session)
            if record is not None and record.fence == lease.fence:
                record.owner, record.lease_until_s = None, 0.0
                record.expires_s = self._clock() + self.times.resume_ttl_s

    async def delete(self, lease: Lease) -> bool:
        """See `SessionStore.delete`."""
        with self._lock:
            record = self._living(lease.session)
            if record is None or record.fence != lease.fence:
                return False
            self._used_bytes -= record.num_bytes
            until_s = self._clock() + TOMBSTONE_LEASES * self.times.lease_s
            self._records[lease.session] = SessionRecord(lease.fence + 1, None, until_s)
        self._tell(lease.session, None)
        return True

    async def discard(self, session: str) -> None:
        """See `SessionStore.discard`."""
        with self._lock:
            record = self._records.pop(session, None)
            self._used_bytes -= 0 if record is None else record.num_bytes
        self._tell(session, None)

    async def listing(self, limit: int) -> list[SessionListing]:
        """See `SessionStore.listing`."""
        with self._lock:
            now_s = self._clock()
            found = [(name, record) for name in self._records if (record := self._living(name))]
            return [
                SessionListing(
                    session=name,
                    epoch=record.stored.epoch,
                    sequence=record.stored.sequence,
                    owner=record.owner if record.lease_until_s > now_s else None,
                    expires_ms=round(1000 * (record.expires_s - now_s)),
                )
                for name, record in found[:limit]
            ]

    async def watch(self, session: str, on_result: OnResult) -> "MemoryWatch":
        """See `SessionStore.watch`."""
        self._watching.setdefault(session, []).append(on_result)
        return MemoryWatch(lambda: self._forget(session, on_result))

    def _forget(self, session: str, on_result: OnResult) -> None:
        left = [each for each in self._watching.pop(session, []) if each is not on_result]
        if left:
            self._watching[session] = left

    def _tell(self, session: str, *results: KeptResult | None) -> None:
        for on_result in self._watching.get(session, ()):
            for result in results:
                on_result(result)

    async def outboxes(self) -> list[Outbox]:
        """See `SessionStore.outboxes`."""
        return self._outboxes.waiting()

    async def claim_outbox(self, outbox: Outbox, owner: str, life_s: float) -> bool:
        """See `SessionStore.claim_outbox`."""
        return self._outboxes.claim(outbox, owner, life_s)

    async def leave_outbox(self, outbox: Outbox, owner: str) -> None:
        """See `SessionStore.leave_outbox`."""
        self._outboxes.leave(outbox, owner)

    async def first_delivery(self, outbox: Outbox) -> bytes | None:
        """See `SessionStore.first_delivery`."""
        return self._outboxes.first(outbox)

    async def delivered(self, outbox: Outbox, body: bytes) -> None:
        """See `SessionStore.delivered`."""
        self._outboxes.delivered(outbox, body)

    async def keep_ticket(self, ticket_hash: str, caller: str, life_s: float) -> None:
        """See `SessionStore.keep_ticket`."""
        now_s = self._clock()
        living = {name: kept for name, kept in self._tickets.items() if kept[1] > now_s}
        self._tickets = living | {ticket_hash: (caller, now_s + life_s)}

    async def take_ticket(self, ticket_hash: str) -> str | None:
        """See `SessionStore.take_ticket`."""
        caller, until_s = self._tickets.pop(ticket_hash, ("", 0.0))
        return caller if until_s > self._clock() else None

    async def usage(self) -> StoreUsage:
        """See `SessionStore.usage`."""
        with self._lock:
            self._sweep()
            return StoreUsage(self._used_bytes, self._max_bytes)

    async def ping(self) -> None:
        """See `SessionStore.ping`."""

    def renewer(self) -> "MemoryRenewer":
        """See `SessionStore.renewer`."""
        return MemoryRenewer(self.renew)

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """See `LeaseRenewer.renew`."""
        with self._lock:
            return [lease for lease in leases if not self._renew(lease)]

    async def close(self) -> None:
        """See `SessionStore.close`."""

    def _renew(self, lease: Lease) -> bool:
        """Renew one lease; a session that is not there is no loss: a commit creates it again."""
        record = self._records.get(lease.session)
        if record is None or record.expires_s <= self._clock():
            return True
        if record.fence != lease.fence:
            return False
        self._lease_to(lease.session, record, lease.owner)
        return True

    def _lease_to(self, session: str, record: SessionRecord, owner: str) -> Lease:
        now_s = self._clock()
        record.owner, record.lease_until_s = owner, now_s + self.times.lease_s
        record.expires_s = now_s + self.times.resume_ttl_s
        return Lease(session, owner, record.fence)

    def _living(self, session: str) -> SessionRecord | None:
        record = self._records.get(session)
        if record is None or record.token is None or record.expires_s <= self._clock():
            return None
        return record

    def _is_full(self) -> bool:
        return self._max_bytes is not None and self._used_bytes >= FULL_FRACTION * self._max_bytes

    def _sweep(self) -> None:
        now_s = self._clock()
        for session in [name for name, item in self._records.items() if item.expires_s <= now_s]:
            self._used_bytes -= self._records.pop(session).num_bytes


class MemoryRenewer:
    """The `LeaseRenewer` of a `MemoryStore`."""

    def __init__(self, renew: Callable[[Sequence[Lease]], list[Lease]]) -> None:
        self.renew = renew

    def close(self) -> None:
        """See `LeaseRenewer.close`."""


class MemoryWatch:
    """The `ResultSubscription` of a `MemoryStore`."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    async def close(self) -> None:
        """See `ResultSubscription.close`."""
        self._end()
