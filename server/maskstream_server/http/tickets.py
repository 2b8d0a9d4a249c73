"""Tickets: each opens one connection once, for browsers, whose WebSockets carry no key.

They are kept in the session store, hashed, with their caller (docs/protocol.md 10).
"""

import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from maskstream_protocol import TICKET_SUBPROTOCOL
from maskstream_protocol.errors import RateLimitedError, UnauthorizedError
from maskstream_server.stores.tokens import SECRET_BYTES, hash_token
from maskstream_server.token_bucket import TokenBucket

TICKET_S: Final = 30.0
PER_S: Final = 5.0
"""Tickets that a caller may ask a server for in each second in the long run."""
BURST: Final = 60.0
"""And at once; with `TICKET_S` that bounds how many are kept."""


class TicketStore(Protocol):
    """Where tickets are kept; see `SessionStore`."""

    async def keep_ticket(self, ticket_hash: str, caller: str, life_s: float) -> None:
        """See `SessionStore.keep_ticket`."""

    async def take_ticket(self, ticket_hash: str) -> str | None:
        """See `SessionStore.take_ticket`."""


class Tickets:
    """The tickets of a server.

    Args:
        store: shared by all servers that honour each other's tickets.
        random_bytes: hard to guess.
        clock: seconds that only grow.
    """

    def __init__(
        self, store: TicketStore, random_bytes: Callable[[int], bytes], clock: Callable[[], float]
    ) -> None:
        self._store, self._random_bytes, self._clock = store, random_bytes, clock
        # One for each key, whose number the operator has set.
        self._rates: dict[str, TokenBucket] = {}

    async def issue(self, caller: str) -> str:
        """Return a new ticket for a caller.

        Raises:
            RateLimitedError: the caller has asked for too many.
            StoreError: the store does not take it now.
        """
        now_s = self._clock()
        if not self._rates.setdefault(caller, TokenBucket(PER_S, BURST, now_s)).spend(1, now_s):
            wait_ms = math.ceil(1000 / PER_S)
            text = f"At most {PER_S:g} tickets a second for one key: wait, then ask again."
            raise RateLimitedError(text, retry_after_ms=wait_ms)
        ticket = self._random_bytes(SECRET_BYTES).hex()
        await self._store.keep_ticket(hash_token(ticket), caller, TICKET_S)
        return ticket

    async def redeem(self, ticket: str, callers: Sequence[str]) -> str:
        """Use a ticket up.

        Args:
            ticket: as the client offers it; any text.
            callers: those whose keys the operator still accepts.

        Returns:
            the caller that it was issued for.

        Raises:
            UnauthorizedError: it opens nothing.
            StoreError: the store cannot say so now.
        """
        caller = await self._store.take_ticket(hash_token(ticket))
        if caller is None:
            raise UnauthorizedError(
                "This ticket is unknown, used or expired: it opens one connection within "
                f"{TICKET_S:g} s. Ask POST /v1/tickets for a new one."
            )
        if caller not in callers:
            raise UnauthorizedError("The API key of this ticket is not valid here any more.")
        return caller


def offered_ticket(subprotocols: Sequence[str]) -> str | None:
    """Return the ticket among the subprotocols that a client offers, where there is one."""
    found = (each for each in subprotocols if each.startswith(TICKET_SUBPROTOCOL))
    return next((each.removeprefix(TICKET_SUBPROTOCOL) for each in found), None)
