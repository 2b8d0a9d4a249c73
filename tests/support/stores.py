"""Commits for tests, and a store that fails when the test says so."""

from collections.abc import Callable

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.interface import (
    Commit,
    CommitOutcome,
    KeptResult,
    Lease,
    SessionStore,
)
from maskstream_server.stores.memory import MemoryStore


def frame(lease: Lease, sequence: int, **changes) -> Commit:
    """The commit after one frame, with the result of that frame."""
    values = {
        "base_sequence": sequence - 1,
        "epoch": 1,
        "parts": {"tracker": b"memory %d" % sequence, "session": b"{}"},
        "results": (KeptResult(sequence, b"result %d" % sequence),),
    }
    return Commit(lease=lease, sequence=sequence, **{**values, **changes})


async def kept_sequences(store: SessionStore, after: int = 0) -> list[int]:
    """Sequences of the results that the store keeps of session `a`."""
    return [result.sequence for result in await store.results_after("a", after)]


async def holder(store: SessionStore, session: str) -> str | None:
    """Who holds the lease of a session."""
    return {item.session: item.owner for item in await store.listing(100)}[session]


class Clock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


class FailingStore(MemoryStore):
    """A store in this process that can be away, and remembers what was committed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock)
        self.is_away = False
        self.error: Exception | None = None
        self.commits: list[Commit] = []

    async def commit(self, commit: Commit) -> CommitOutcome:
        if self.is_away:
            raise StoreUnreachableError("unplugged")
        if self.error is not None:
            raise self.error
        self.commits.append(commit)
        return await super().commit(commit)
