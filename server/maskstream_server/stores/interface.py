"""The interface of session stores: memory and results committed as one, under a fence.

A session belongs to the holder of the newest `Lease`. Its `fence` grows with every takeover, and
every write names it, so that a server that was thought dead cannot write over its successor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, Protocol, get_args

FULL_FRACTION = 0.8
"""Share of its memory above which a store takes no new sessions (docs/operating.md)."""
Channel = Literal["webhook", "mqtt"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
MAX_DELIVERIES: Final = 10_000
"""Of an outbox; where more wait, the oldest are given up."""
DELIVER_WITHIN_S: Final = 86_400.0
"""An outbox to which nothing was added for so long is given up."""
TOMBSTONE_LEASES = 4
"""A deleted session keeps its fence for so many lease times, so that late writers are refused."""


@dataclass(frozen=True)
class Lease:
    """The right to write a session, until a higher fence is given out."""

    session: str
    owner: str
    fence: int


@dataclass(frozen=True)
class KeptResult:
    """One encoded RESULT message, kept so that it can be repeated after a resume."""

    sequence: int
    message: bytes


@dataclass(frozen=True)
class Delivery:
    """A message about a session that the store keeps until it is delivered.

    Attributes:
        sequence: of the frame that it is about.
        channel: how it is delivered; each channel of a session has its own order.
    """

    sequence: int
    channel: Channel
    body: bytes


@dataclass(frozen=True)
class Outbox:
    """The deliveries of one session over one channel, in the order of their commits."""

    session: str
    channel: Channel


@dataclass(frozen=True)
class Commit:
    """The memory after frame `sequence`, and the results that led there, written as one.

    Attributes:
        lease: who writes; an old fence is refused.
        base_sequence: sequence of the commit this one builds on, 0 for none; only checked where
            `whole` is false.
        epoch: the memory's epoch; `(epoch, sequence)` must grow with every commit.
        sequence: last frame that is answered (or dropped) in this memory.
        parts: the memory as named bytes, e.g. `{"tracker": ..., "session": ...}`.
        keep_after: results up to this sequence may be forgotten: the client has said `ack` to
            them, or `credit.frames` newer ones are kept.
        whole: `parts` replace all that is there; else they replace parts of the same name, and
            `base_sequence` and `epoch` must be what the store holds.
        removed: names of parts that go; only where `whole` is false.
        deliveries: join the session's outboxes, which outlive it.
    """

    lease: Lease
    base_sequence: int
    epoch: int
    sequence: int
    parts: Mapping[str, bytes]
    results: tuple[KeptResult, ...] = ()
    keep_after: int = 0
    whole: bool = True
    removed: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Bytes that this commit writes: parts, results and deliveries."""
        parts = sum(len(blob) for blob in self.parts.values())
        messages = sum(len(result.message) for result in self.results)
        return parts + messages + sum(len(each.body) for each in self.deliveries)


class CommitOutcome(Enum):
    """What became of a commit; all but `COMMITTED` have written nothing."""

    COMMITTED = "committed"
    REPEATED = "repeated"
    """This or a later memory is there already, e.g. after a retry whose answer was lost."""
    FENCED = "fenced"
    """Another server has taken the session over: close with 4409."""
    BASE_DIFFERS = "base_differs"
    """The store holds another base: commit again with `whole`."""
    MISSING = "missing"
    """The session is not there (expired, deleted or lost): `create` it again, or let it go."""


@dataclass(frozen=True)
class StoredSession:
    """A session as it was last committed; `sequence` 0 and no parts before the first commit."""

    epoch: int = 1
    sequence: int = 0
    parts: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class TakenOver:
    """Result of a takeover by token: the lease and the memory, None where it cannot be read."""

    lease: Lease
    stored: StoredSession | None


@dataclass(frozen=True)
class SessionListing:
    """A session as a list shows it; `owner` holds it now, None where no server does.

    `epoch` and `sequence` are None where it is not `readable`.
    """

    session: str
    epoch: int | None
    sequence: int | None
    owner: str | None
    expires_ms: int
    readable: bool = True


OnResult = Callable[[KeptResult | None], None]
"""Takes results as they are committed; None where the session has been deleted."""


class ResultSubscription(Protocol):
    """What `SessionStore.watch` has begun."""

    async def close(self) -> None:
        """End it: no more results are passed on."""


@dataclass(frozen=True)
class StoreUsage:
    """How full the store is; None where it does not say, or nothing bounds it."""

    used_bytes: int | None
    max_bytes: int | None


@dataclass(frozen=True)
class StoreTimes:
    """Seconds: how long a memory outlives its connection, and a lease its last renewal."""

    resume_ttl_s: float = 120.0
    lease_s: float = 5.0


class LeaseRenewer(Protocol):
    """Renews leases from a thread of its own (`leases.LeaseKeeper`); blocking, no event loop."""

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Renew leases and the lives of their sessions; return those that are lost permanently.

        Raises:
            StoreUnreachableError: nothing can be said about any of them now.
        """

    def close(self) -> None:
        """Let connections go."""


class SessionStore(Protocol):
    """Keeps sessions; every call may raise `StoreUnreachableError`, and is never cut in the middle.

    A caller that is cancelled while it waits leaves the command to finish by itself. A call for
    one session raises `SessionUnreadableError` where that is damaged; others are not touched by it.
    """

    times: StoreTimes

    async def create(self, session: str, owner: str, token_hash: str, fence: int = 1) -> Lease:
        """Create an empty session and lease it to `owner`; the same call again changes nothing.

        Raises:
            StoreFullError: the store has passed 80 % of its memory.
            SessionExistsError: the session is there under another token.
        """

    async def take_over(
        self, session: str, owner: str, token_hash: str, new_token_hash: str
    ) -> TakenOver | None:
        """Take a session with its resume token from any holder; None where the token is invalid.

        `new_token_hash` becomes valid; the one that was used stays so until `confirm_token`.
        """

    async def confirm_token(self, lease: Lease) -> None:
        """End the life of the token before the newest one: the client has the new one."""

    async def seize(self, session: str, owner: str) -> Lease | None:
        """Lease a session from any holder; None where it is gone. Its tokens stay as they are."""

    async def commit(self, commit: Commit) -> CommitOutcome:
        """Write memory and results as one, or nothing."""

    async def load(self, session: str) -> StoredSession | None:
        """Read the last committed memory; None where there is no such session."""

    async def results_after(self, session: str, last_sequence: int) -> list[KeptResult]:
        """Read the kept results with a sequence above `last_sequence`, in order."""

    async def release(self, lease: Lease) -> None:
        """Give the lease back; the memory lives on for `resume_ttl_s`. Nothing if it is lost."""

    async def delete(self, lease: Lease) -> bool:
        """Forget a session permanently (`bye`); False where the lease is lost or it is gone."""

    async def discard(self, session: str) -> None:
        """Forget all that is stored of a session, for one that cannot be read: without a lease."""

    async def listing(self, limit: int) -> list[SessionListing]:
        """Return at most `limit` sessions, in no order."""

    async def watch(self, session: str, on_result: OnResult) -> ResultSubscription:
        """Call `on_result` with each result that is committed from now on, by any server.

        On the event loop, in order; it must return at once. While the store is away results are
        not passed on; a result's own count of dropped frames shows which.
        """

    async def outboxes(self) -> list[Outbox]:
        """Return the outboxes that have something to deliver, in no order."""

    async def claim_outbox(self, outbox: Outbox, owner: str, life_s: float) -> bool:
        """Let `owner` alone deliver from it for so many seconds; False where another does."""

    async def leave_outbox(self, outbox: Outbox, owner: str) -> None:
        """Let others deliver from it."""

    async def first_delivery(self, outbox: Outbox) -> bytes | None:
        """Return the oldest body; None where there is none."""

    async def delivered(self, outbox: Outbox, body: bytes) -> None:
        """Take the oldest body away, if it is still this one."""

    async def keep_ticket(self, ticket_hash: str, caller: str, life_s: float) -> None:
        """Keep a ticket of a caller for so many seconds; only its hash is known here."""

    async def take_ticket(self, ticket_hash: str) -> str | None:
        """Take a ticket away and return its caller, to one of those who ask for it at once.

        None where it is unknown: used, expired, or never kept.
        """

    async def usage(self) -> StoreUsage:
        """Say how full the store is."""

    async def ping(self) -> None:
        """Return quickly where the store works; for health checks."""

    def renewer(self) -> LeaseRenewer:
        """Return a renewer with connections of its own."""

    async def close(self) -> None:
        """Wait for commands under way and let connections go."""
