"""How many connections there may be: all, from one address, and before their hello."""

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol

from maskstream_protocol.errors import QuotaExceededError, ServerFullError, WireError
from maskstream_server.errors import RETRY_AFTER_MS

MAX_REFUSED: Final = 64
"""Connections that are open only to be refused in a sentence; more are cut off without one."""


def origin_of(address: str | None) -> str:
    """Return what counts as one address: an IPv4 one, or the /64 that one IPv6 client has."""
    try:
        number = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(number, IPv6Address):
        inner = number.ipv4_mapped
        return str(inner or IPv6Network((int(number) >> 64 << 64, 64)))
    return str(number)


class PendingConnection(Protocol):
    """A WebSocket before its hello."""

    @property
    def address(self) -> str:
        """Where it comes from."""

    def turn_away(self) -> None:
        """Close to free a slot; returns at once."""


@dataclass(frozen=True)
class Entry:
    """A connection as the gate counts it; `refusal` says why it is not served, if so."""

    address: str
    refusal: WireError | None = None


class Gate:
    """Counts connections, from `enter` to `leave`.

    Args:
        max_connections: at once.
        max_per_address: of one address at once.
        max_waiting: WebSockets before their hello; a further one ends the one that has waited
            longest, of the address that has most of them.
    """

    def __init__(self, max_connections: int, max_per_address: int, max_waiting: int) -> None:
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._max_waiting = max_waiting
        self._addresses: Counter[str] = Counter()
        self._num_refused = 0
        self._waiting: dict[PendingConnection, None] = {}

    @property
    def num_connections(self) -> int:
        """Connections that are served."""
        return self._addresses.total()

    def enter(self, address: str) -> Entry | None:
        """Count a connection; None where it must be cut off at once."""
        refusal = self._refusal(address)
        if refusal is None:
            self._addresses[address] += 1
        elif self._num_refused < MAX_REFUSED:
            self._num_refused += 1
        else:
            return None
        return Entry(address, refusal)

    def leave(self, entry: Entry) -> None:
        """Count it no more."""
        if entry.refusal is not None:
            self._num_refused -= 1
            return
        self._addresses[entry.address] -= 1
        if not self._addresses[entry.address]:
            del self._addresses[entry.address]

    def wait(self, waiting: PendingConnection) -> None:
        """Let it wait for its hello; another may have to go."""
        self._waiting[waiting] = None
        if len(self._waiting) > self._max_waiting:
            counts = Counter(each.address for each in self._waiting)
            (busiest, _), *_ = counts.most_common(1)
            oldest = next(each for each in self._waiting if each.address == busiest)
            del self._waiting[oldest]
            oldest.turn_away()

    def waited(self, waiting: PendingConnection) -> None:
        """It has had its hello, or is gone."""
        self._waiting.pop(waiting, None)

    def _refusal(self, address: str) -> WireError | None:
        if self._addresses[address] >= self._max_per_address:
            return QuotaExceededError(
                f"Your address has {self._max_per_address} connections, and may have no more.",
                retry_after_ms=RETRY_AFTER_MS,
            )
        if self.num_connections >= self._max_connections:
            return ServerFullError("All connections are taken.", retry_after_ms=RETRY_AFTER_MS)
        return None
