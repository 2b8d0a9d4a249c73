"""Times a session store: latency, bytes and failures by kind of command."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.interface import (
    Commit,
    CommitOutcome,
    KeptResult,
    SessionStore,
    StoredSession,
    StoreUsage,
    TakenOver,
)

LATENCY_S: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5)
HANGS_S: Final = 1.0
"""A command that its caller gave up after so long has found the store away too."""
COMMANDS: Final = tuple(
    name
    for name, method in vars(SessionStore).items()
    if inspect.iscoroutinefunction(method) and name != "close"
)


class StoreMetrics:
    """What is counted; `store_up` is 0 from a failed command to the next that works."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"maskstream_store_{name}", text, ["command"], registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"maskstream_store_{name}", text, registry=registry)

        self.command_s = Histogram(
            "maskstream_store_command_seconds",
            "Time of one command of the session store",
            ["command"],
            buckets=LATENCY_S,
            registry=registry,
        )
        self.failures = counter("failures", "Commands that found the store away")
        self.written_bytes = counter("written_bytes", "Bytes written")
        self.read_bytes = counter("read_bytes", "Bytes read")
        self.up = gauge("up", "1 where the store works")
        self.used_bytes = gauge("used_bytes", "Memory that the store uses")
        self.max_bytes = gauge("max_bytes", "Memory that it may use, +Inf for all")
        for command in COMMANDS:
            self.command_s.labels(command)
            self.failures.labels(command)
        self.written_bytes.labels("commit")
        for command in READ:
            self.read_bytes.labels(command)

    def failed(self, command: str) -> None:
        """Count a command that found the store away."""
        self.up.set(0)
        self.failures.labels(command).inc()

    def answered(self, command: str, answer: Any, args: tuple[Any, ...]) -> None:
        """Count what a command that worked has read, written or said."""
        self.up.set(1)
        if command in READ:
            self.read_bytes.labels(command).inc(READ[command](answer))
        elif answer is CommitOutcome.COMMITTED:
            (commit,) = cast(tuple[Commit], args)
            self.written_bytes.labels(command).inc(commit.num_bytes)
        elif isinstance(answer, StoreUsage):
            used = answer.used_bytes
            self.used_bytes.set(float("nan") if used is None else used)
            self.max_bytes.set(answer.max_bytes or float("inf"))


def measured(store: SessionStore, registry: CollectorRegistry) -> SessionStore:
    """Return a store that does what another one does, and counts it."""
    return cast(SessionStore, _Measured(store, StoreMetrics(registry)))


class _Measured:
    """Times every coroutine of the interface; everything else is the store's own."""

    def __init__(self, store: SessionStore, metrics: StoreMetrics) -> None:
        self._store, self._metrics = store, metrics

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return partial(self._timed, name, found) if name in COMMANDS else found

    async def _timed(
        self, command: str, call: Callable[..., Awaitable[Any]], *args: Any, **named: Any
    ) -> Any:
        began_s = time.perf_counter()
        try:
            answer = await call(*args, **named)
        except StoreUnreachableError:
            self._metrics.failed(command)
            raise
        except asyncio.CancelledError:
            if time.perf_counter() - began_s >= HANGS_S:
                self._metrics.failed(command)
            raise
        finally:
            self._metrics.command_s.labels(command).observe(time.perf_counter() - began_s)
        self._metrics.answered(command, answer, args)
        return answer


def _stored_bytes(stored: StoredSession | None) -> int:
    return 0 if stored is None else sum(map(len, stored.parts.values()))


def _taken_bytes(taken: TakenOver | None) -> int:
    return 0 if taken is None else _stored_bytes(taken.stored)


def _kept_bytes(kept: list[KeptResult]) -> int:
    return sum(len(result.message) for result in kept)


READ: Final[Mapping[str, Callable[[Any], int]]] = {
    "take_over": _taken_bytes,
    "load": _stored_bytes,
    "results_after": _kept_bytes,
}
"""How many bytes an answer has brought."""
