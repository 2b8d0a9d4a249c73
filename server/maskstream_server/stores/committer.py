"""Commits of one session, off the critical path: in order, merged when late, retried when away."""

from collections.abc import Callable
from dataclasses import dataclass

from maskstream_server.stores.interface import Commit, CommitOutcome, SessionStore


@dataclass(frozen=True)
class CommitEvents:
    """What the committer tells; called on the event loop, must return at once.

    Attributes:
        durable: everything up to this sequence is durable.
        away: commits have stopped working (told once, until `back`).
        back: commits work again.
        lost: the session is not ours any more (FENCED), or is gone from the store (MISSING).
    """

    durable: Callable[[int], None]
    away: Callable[[], None]
    back: Callable[[], None]
    lost: Callable[[CommitOutcome], None]


class Committer:
    """Takes commits with `offer`, which never waits; one is under way at a time.

    Commits that wait are merged: newest memory, all results, so that a slow or absent store costs
    bounded memory (results beyond `keep_after` are forgotten).
    """

    def __init__(self, store: SessionStore, events: CommitEvents, retry_s: float = 0.5) -> None:
        raise NotImplementedError

    def offer(self, commit: Commit) -> None:
        """Queue a commit; call it in the order of sequences."""
        raise NotImplementedError

    async def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is pending; False where the time ran out or the session is lost."""
        raise NotImplementedError

    async def close(self, timeout_s: float) -> bool:
        """Flush, then stop trying; True where everything was committed."""
        raise NotImplementedError
