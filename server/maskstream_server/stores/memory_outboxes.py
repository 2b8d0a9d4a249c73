"""The outboxes of a `MemoryStore`: what waits to be delivered, and who delivers it."""

import threading
from collections import deque
from collections.abc import Callable

from maskstream_server.stores.interface import DELIVER_WITHIN_S, MAX_DELIVERIES, Commit, Outbox


class MemoryOutboxes:
    """Safe for any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._bodies: dict[Outbox, deque[bytes]] = {}
        self._until_s: dict[Outbox, float] = {}
        self._claims: dict[Outbox, tuple[str, float]] = {}

    def add(self, commit: Commit, sequence: int) -> None:
        """Add the deliveries of a commit; those up to `sequence` are there already."""
        with self._lock:
            for each in commit.deliveries:
                if each.sequence > sequence:
                    outbox = Outbox(commit.lease.session, each.channel)
                    bodies = self._bodies.setdefault(outbox, deque(maxlen=MAX_DELIVERIES))
                    bodies.append(each.body)
                    self._until_s[outbox] = self._clock() + DELIVER_WITHIN_S

    def waiting(self) -> list[Outbox]:
        """Return those that have something; what has waited for too long is given up."""
        with self._lock:
            for outbox in [each for each, until in self._until_s.items() if until < self._clock()]:
                self._forget(outbox)
            return list(self._bodies)

    def claim(self, outbox: Outbox, owner: str, life_s: float) -> bool:
        """See `SessionStore.claim_outbox`."""
        with self._lock:
            holder, until_s = self._claims.get(outbox, (owner, 0.0))
            if holder != owner and until_s > self._clock():
                return False
            self._claims[outbox] = owner, self._clock() + life_s
            return True

    def leave(self, outbox: Outbox, owner: str) -> None:
        """See `SessionStore.leave_outbox`."""
        with self._lock:
            if self._claims.get(outbox, ("", 0.0))[0] == owner:
                del self._claims[outbox]

    def first(self, outbox: Outbox) -> bytes | None:
        """See `SessionStore.first_delivery`."""
        with self._lock:
            bodies = self._bodies.get(outbox)
            return bodies[0] if bodies else None

    def delivered(self, outbox: Outbox, body: bytes) -> None:
        """See `SessionStore.delivered`."""
        with self._lock:
            bodies = self._bodies.get(outbox)
            if bodies and bodies[0] == body:
                bodies.popleft()
                if not bodies:
                    self._forget(outbox)

    def _forget(self, outbox: Outbox) -> None:
        self._bodies.pop(outbox, None)
        self._until_s.pop(outbox, None)
