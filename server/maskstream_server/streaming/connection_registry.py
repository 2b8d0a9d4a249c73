"""Who is connected to this server: slots, takeovers, and the end of all.

A session without a frame for long gives its slot to one that comes and finds none.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from maskstream_protocol.errors import QuotaExceededError, ServerFullError, TakenOverError
from maskstream_server.errors import RETRY_AFTER_MS
from maskstream_server.stores.interface import Lease
from maskstream_server.streaming.activity import Activity


class RegisteredConnection(Protocol):
    """A connection as the registry sees it; each call returns at once."""

    @property
    def address(self) -> str:
        """Where it comes from."""

    @property
    def caller(self) -> str:
        """Who has it, see `http.access.check_key`."""

    @property
    def activity(self) -> Activity:
        """What it is doing."""

    @property
    def silent_s(self) -> float:
        """Seconds for which no frame has come or been answered; 0 while any is under way."""

    def give_way(self) -> None:
        """Another one needs the slot: close, to be resumed."""

    def taken_over(self) -> None:
        """Another connection has the session now."""

    def going_away(self, in_ms: int) -> None:
        """This server stops: answer what came, then close."""

    def restart(self) -> None:
        """There is no more time: close."""


class ConnectionRegistry:
    """Connections by session; at most `max_sessions`, each holding one slot.

    Args:
        max_sessions: connections at once.
        count_changed: is called with the number of connections whenever it changes.
        idle_s: without a frame for so long, a connection gives its slot to one that needs it.
        max_per_address: connections of one address; None: as many as there are slots.

    Attributes:
        draining: whether the server stops.
    """

    def __init__(
        self,
        max_sessions: int,
        count_changed: Callable[[int], None],
        idle_s: float = math.inf,
        max_per_address: int | None = None,
    ) -> None:
        self._max_sessions = max_sessions
        self._idle_s = idle_s
        self._max_per_address = max_per_address
        self._count_changed = count_changed
        self._connections: dict[str, tuple[Lease, RegisteredConnection]] = {}
        self.draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def check_free(self, address: str, session: str | None = None) -> None:
        """Check that there is a slot; one who comes back to `session` may use its old one.

        Raises:
            ServerFullError: there is none, or this server is stopping.
            QuotaExceededError: the address has as many as it may have.
        """
        if self.draining:
            raise ServerFullError("The server is stopping.", retry_after_ms=RETRY_AFTER_MS)
        if session in self._connections:
            return
        self._check_quota(address)
        if len(self._connections) >= self._max_sessions and self._longest_idle() is None:
            raise ServerFullError("All sessions are taken.", retry_after_ms=RETRY_AFTER_MS)

    def enter(self, lease: Lease, connection: RegisteredConnection) -> None:
        """Give a slot to a connection; an older connection of the same session leaves.

        Raises:
            ServerFullError, QuotaExceededError: see `check_free`.
            TakenOverError: a newer connection of the session was quicker.
        """
        self.check_free(connection.address, lease.session)
        self.evict(lease)
        if lease.session in self._connections:
            raise TakenOverError("The session continues over a newer connection.")
        idle = self._longest_idle()
        if len(self._connections) >= self._max_sessions and idle is not None:
            _, leaving = self._connections.pop(idle)
            leaving.give_way()
        self._connections[lease.session] = lease, connection
        self._changed()

    def evict(self, lease: Lease) -> None:
        """Close the connection that holds the session here under this lease or an older one.

        So ends a takeover, here or on another server: news of an old one harms no newer connection.
        """
        held, connection = self._connections.get(lease.session, (None, None))
        if held is not None and connection is not None and held.fence <= lease.fence:
            del self._connections[lease.session]
            connection.taken_over()
            self._changed()

    def leave(self, session: str, connection: RegisteredConnection) -> None:
        """Free the slot; nothing where it is another connection's by now."""
        _, holder = self._connections.get(session, (None, None))
        if holder is connection:
            del self._connections[session]
            self._changed()

    def of(self, caller: str) -> dict[str, Activity]:
        """Return what the sessions of a caller are doing, by their names, oldest first."""
        held = ((name, connection) for name, (_, connection) in self._connections.items())
        return {name: each.activity for name, each in held if each.caller == caller}

    async def drain(self, within_s: float) -> None:
        """Accept no new connections and let open ones finish; close them after `within_s`."""
        self.draining = True
        for _, connection in list(self._connections.values()):
            connection.going_away(round(1000 * within_s))
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            for _, connection in list(self._connections.values()):
                connection.restart()

    def _check_quota(self, address: str) -> None:
        present = sum(connection.address == address for _, connection in self._connections.values())
        if self._max_per_address is not None and present >= self._max_per_address:
            raise QuotaExceededError(
                f"Your address has {present} sessions on this server, and may have no more.",
                retry_after_ms=RETRY_AFTER_MS,
            )

    def _longest_idle(self) -> str | None:
        """Return the session that has been silent longest, where that is long enough."""
        silences = {
            name: connection.silent_s for name, (_, connection) in self._connections.items()
        }
        idle = [name for name, silent_s in silences.items() if silent_s >= self._idle_s]
        return max(idle, key=silences.__getitem__, default=None)

    def _changed(self) -> None:
        self._count_changed(len(self._connections))
        if self._connections:
            self._empty.clear()
        else:
            self._empty.set()
