"""A store that times another one: latency, bytes and failures by kind of command."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.interface import (
    Commit,
    CommitOutcome,
    Heard,
    KeptResult,
    Lease,
    LeaseRenewer,
    SessionListing,
    SessionStore,
    StoredSession,
    StoreUsage,
    TakenOver,
    Watch,
)

Answer = TypeVar("Answer")
LATENCY_S: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5)
HANGS_S: Final = 1.0
"""A command that its caller gave up after so long has found the store away too."""
COMMANDS: Final = (
    "create",
    "take_over",
    "confirm_token",
    "acquire",
    "seize",
    "commit",
    "load",
    "results_after",
    "release",
    "delete",
    "discard",
    "listing",
    "watch",
    "usage",
    "ping",
)


class StoreMetrics:
    """What is told of a store; `store_up` is 0 from a failed command to the next that works."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.command_s = Histogram(
            "maskstream_store_command_seconds",
            "Time of one command of the session store",
            ["command"],
            buckets=LATENCY_S,
            registry=registry,
        )
        self.failures = self._counter(registry, "failures", "Commands that found the store away")
        self.written_bytes = self._counter(registry, "written_bytes", "Bytes written")
        self.read_bytes = self._counter(registry, "read_bytes", "Bytes read")
        self.up = Gauge("maskstream_store_up", "1 where the store works", registry=registry)
        self.used_bytes = Gauge(
            "maskstream_store_used_bytes", "Memory that the store uses", registry=registry
        )
        self.max_bytes = Gauge(
            "maskstream_store_max_bytes", "Memory that it may use, +Inf for all", registry=registry
        )
        for command in COMMANDS:
            self.command_s.labels(command)
            self.failures.labels(command)
        self.written_bytes.labels("commit")
        for command in ("take_over", "load", "results_after"):
            self.read_bytes.labels(command)

    def _counter(self, registry: CollectorRegistry, name: str, text: str) -> Counter:
        return Counter(f"maskstream_store_{name}", text, ["command"], registry=registry)


class MeasuredStore:
    """A `SessionStore` that does what another one does, and counts it."""

    def __init__(self, store: SessionStore, registry: CollectorRegistry) -> None:
        self._store = store
        self._metrics = StoreMetrics(registry)
        self.times = store.times

    async def create(self, session: str, owner: str, token_hash: str, fence: int = 1) -> Lease:
        """See `SessionStore.create`."""
        return await self._timed("create", self._store.create(session, owner, token_hash, fence))

    async def take_over(
        self, session: str, owner: str, token_hash: str, new_token_hash: str
    ) -> TakenOver | None:
        """See `SessionStore.take_over`."""
        work = self._store.take_over(session, owner, token_hash, new_token_hash)
        taken = await self._timed("take_over", work)
        self._has_read("take_over", None if taken is None else taken.stored)
        return taken

    async def confirm_token(self, lease: Lease) -> None:
        """See `SessionStore.confirm_token`."""
        await self._timed("confirm_token", self._store.confirm_token(lease))

    async def acquire(self, session: str, owner: str) -> Lease | None:
        """See `SessionStore.acquire`."""
        return await self._timed("acquire", self._store.acquire(session, owner))

    async def seize(self, session: str, owner: str) -> Lease | None:
        """See `SessionStore.seize`."""
        return await self._timed("seize", self._store.seize(session, owner))

    async def commit(self, commit: Commit) -> CommitOutcome:
        """See `SessionStore.commit`."""
        outcome = await self._timed("commit", self._store.commit(commit))
        if outcome is CommitOutcome.COMMITTED:
            self._metrics.written_bytes.labels("commit").inc(commit.num_bytes)
        return outcome

    async def load(self, session: str) -> StoredSession | None:
        """See `SessionStore.load`."""
        stored = await self._timed("load", self._store.load(session))
        self._has_read("load", stored)
        return stored

    async def results_after(self, session: str, last_sequence: int) -> list[KeptResult]:
        """See `SessionStore.results_after`."""
        work = self._store.results_after(session, last_sequence)
        kept = await self._timed("results_after", work)
        num_bytes = sum(len(result.message) for result in kept)
        self._metrics.read_bytes.labels("results_after").inc(num_bytes)
        return kept

    async def release(self, lease: Lease) -> None:
        """See `SessionStore.release`."""
        await self._timed("release", self._store.release(lease))

    async def delete(self, lease: Lease) -> bool:
        """See `SessionStore.delete`."""
        return await self._timed("delete", self._store.delete(lease))

    async def discard(self, session: str) -> None:
        """See `SessionStore.discard`."""
        await self._timed("discard", self._store.discard(session))

    async def listing(self, limit: int) -> list[SessionListing]:
        """See `SessionStore.listing`."""
        return await self._timed("listing", self._store.listing(limit))

    async def watch(self, session: str, heard: Heard) -> Watch:
        """See `SessionStore.watch`."""
        return await self._timed("watch", self._store.watch(session, heard))

    async def usage(self) -> StoreUsage:
        """See `SessionStore.usage`."""
        usage = await self._timed("usage", self._store.usage())
        used = float("nan") if usage.used_bytes is None else usage.used_bytes
        self._metrics.used_bytes.set(used)
        self._metrics.max_bytes.set(usage.max_bytes or float("inf"))
        return usage

    async def ping(self) -> None:
        """See `SessionStore.ping`."""
        await self._timed("ping", self._store.ping())

    def renewer(self) -> LeaseRenewer:
        """See `SessionStore.renewer`."""
        return self._store.renewer()

    async def close(self) -> None:
        """See `SessionStore.close`."""
        await self._store.close()

    async def _timed(self, command: str, work: Awaitable[Answer]) -> Answer:
        began_s = time.perf_counter()
        try:
            answer = await work
        except StoreUnreachableError:
            self._failed(command)
            raise
        except asyncio.CancelledError:
            if time.perf_counter() - began_s >= HANGS_S:
                self._failed(command)
            raise
        finally:
            self._metrics.command_s.labels(command).observe(time.perf_counter() - began_s)
        self._metrics.up.set(1)
        return answer

    def _failed(self, command: str) -> None:
        self._metrics.up.set(0)
        self._metrics.failures.labels(command).inc()

    def _has_read(self, command: str, stored: StoredSession | None) -> None:
        if stored is not None:
            num_bytes = sum(len(blob) for blob in stored.parts.values())
            self._metrics.read_bytes.labels(command).inc(num_bytes)
