"""The engine's queue: coroutines put requests in, the engine's thread takes batches out."""

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from maskstream_server.engine.batching import QueuedRequest, company_wait_s, first_class, next_batch
from maskstream_server.engine.types import CallRequest, EngineLimits, StepRequest
from maskstream_server.errors import EngineFullError, EngineStoppedError

ACTIVE_S = 1.0
"""A session whose last frame is not older than this is waited for when a batch is not full, and
whole videos step frame by frame beside it."""


@dataclass(frozen=True)
class Ticket:
    """A request in the queue, and the future that waits for its value."""

    request: StepRequest[Any, Any] | CallRequest[Any]
    waiting: QueuedRequest
    future: "asyncio.Future[Any]"


class RequestQueue:
    """Bounded; returns batches of sessions until it is closed and empty."""

    def __init__(self, limits: EngineLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._tickets: list[Ticket] = []
        self._recent: dict[str, QueuedRequest] = {}
        self._live_s = -math.inf
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tickets)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket at the end.

        Raises:
            EngineFullError: `max_waiting` tickets wait already.
            EngineStoppedError: it is closed.
        """
        with self._changed:
            if self._closed:
                raise EngineStoppedError("the engine takes no frames now")
            if len(self._tickets) >= self._limits.max_waiting:
                raise EngineFullError(f"{len(self._tickets)} frames wait already")
            self._tickets.append(ticket)
            if ticket.waiting.live:
                self._live_s = ticket.waiting.since_s
            self._changed.notify()

    @property
    def lately_live(self) -> bool:
        """Whether a live frame has come of late."""
        return self._clock() - self._live_s < ACTIVE_S

    def close(self) -> None:
        """Let `take` return what is left and then nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def drain(self) -> list[Ticket]:
        """Take out everything that waits."""
        with self._changed:
            left, self._tickets = self._tickets, []
        return left

    def take(self) -> list[Ticket]:
        """Wait for frames, and shortly for company; return the next batch, [] at the end.

        Tickets whose callers have gone are dropped.
        """
        with self._changed:
            while True:
                self._tickets = [item for item in self._tickets if not item.future.done()]
                if not self._tickets and self._closed:
                    return []
                now_s = self._clock()
                first = first_class([ticket.waiting for ticket in self._tickets], now_s)
                waiting = [self._tickets[index].waiting for index in first]
                wait_s = self._wait_s(waiting, now_s) if waiting else None
                if wait_s == 0.0:
                    return self._take_batch(first, waiting)
                self._changed.wait(wait_s)

    def take_live(self) -> list[Ticket]:
        """Return a batch of the live frames that are there now, [] without any."""
        with self._changed:
            live = [
                index
                for index, item in enumerate(self._tickets)
                if item.waiting.live and not item.future.done()
            ]
            return self._take_batch(live, [self._tickets[index].waiting for index in live])

    def _take_batch(self, first: list[int], waiting: Sequence[QueuedRequest]) -> list[Ticket]:
        chosen = [first[index] for index in next_batch(waiting, self._limits.batch)]
        batch = [self._tickets[index] for index in chosen]
        taken = set(chosen)
        self._tickets = [item for n, item in enumerate(self._tickets) if n not in taken]
        return batch

    def _wait_s(self, waiting: Sequence[QueuedRequest], now_s: float) -> float:
        """Return how long to wait for the other sessions that sent such frames of late."""
        if not all(item.live for item in waiting):
            return 0.0
        self._recent.update((item.session, item) for item in waiting)
        self._recent = {
            name: item for name, item in self._recent.items() if now_s - item.since_s < ACTIVE_S
        }
        alike = sum(item.shape == waiting[0].shape for item in self._recent.values())
        enough = 1 if self._closed else min(self._limits.batch, alike)
        return company_wait_s(waiting, enough, self._limits.window_s, now_s)
