"""Who is connected to this server: slots, takeovers, and the farewell of all."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from maskstream_protocol.errors import ServerFullError, TakenOverError
from maskstream_server.errors import RETRY_AFTER_MS
from maskstream_server.stores.interface import Lease


class Guest(Protocol):
    """A connection as the lobby knows it; each call returns at once."""

    def taken_over(self) -> None:
        """Another connection has the session now."""

    def going_away(self, in_ms: int) -> None:
        """This server stops: answer what came, then close."""

    def restart(self) -> None:
        """There is no more time: close."""


class Lobby:
    """Guests by session; at most `max_sessions`, each holding one slot.

    `count_changed` hears the number of guests whenever it changes.
    """

    def __init__(self, max_sessions: int, count_changed: Callable[[int], None]) -> None:
        self._max_sessions = max_sessions
        self._count_changed = count_changed
        self._guests: dict[str, tuple[Lease, Guest]] = {}
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def check_room(self, session: str | None = None) -> None:
        """Check that there is a slot; one who comes back to `session` may use its old one.

        Raises:
            ServerFullError: there is none, or this server is stopping.
        """
        if self._draining:
            raise ServerFullError("The server is stopping.", retry_after_ms=RETRY_AFTER_MS)
        if session not in self._guests and len(self._guests) >= self._max_sessions:
            raise ServerFullError("All sessions are taken.", retry_after_ms=RETRY_AFTER_MS)

    def enter(self, lease: Lease, guest: Guest) -> None:
        """Give a slot to a guest; an older connection of the same session leaves.

        Raises:
            ServerFullError: see `check_room`.
            TakenOverError: a newer connection of the session was quicker.
        """
        self.check_room(lease.session)
        self.evict(lease)
        if lease.session in self._guests:
            raise TakenOverError("The session goes on over a newer connection.")
        self._guests[lease.session] = lease, guest
        self._changed()

    def evict(self, lease: Lease) -> None:
        """Send away whoever holds the session here under this lease or an older one.

        So ends a takeover, here or on another server: news of an old one harms no newer guest.
        """
        held, guest = self._guests.get(lease.session, (None, None))
        if held is not None and guest is not None and held.fence <= lease.fence:
            del self._guests[lease.session]
            guest.taken_over()
            self._changed()

    def leave(self, session: str, guest: Guest) -> None:
        """Free the slot; nothing where it is another guest's by now."""
        _, holder = self._guests.get(session, (None, None))
        if holder is guest:
            del self._guests[session]
            self._changed()

    async def drain(self, within_s: float) -> None:
        """Let nobody in any more, and everybody finish; after `within_s` send them away."""
        self._draining = True
        for _, guest in list(self._guests.values()):
            guest.going_away(round(1000 * within_s))
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            for _, guest in list(self._guests.values()):
                guest.restart()

    def _changed(self) -> None:
        self._count_changed(len(self._guests))
        if self._guests:
            self._empty.clear()
        else:
            self._empty.set()
