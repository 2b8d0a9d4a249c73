"""The store in this process is the model of the Redis scripts: the same calls, the same answers."""

from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from maskstream_server.errors import SessionExistsError
from maskstream_server.stores.interface import (
    Commit,
    CommitOutcome,
    KeptResult,
    Lease,
    SessionListing,
    SessionStore,
    StoredSession,
    StoreTimes,
)
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.stores.redis import RedisStore
from support.agreement import Pair
from support.examples import examples
from support.redis_server import PATIENT_S, RedisServer

# Long lives, so that a machine that is busy lets none of them end between two calls.
TIMES = StoreTimes(resume_ttl_s=10_000, lease_s=1_000)
ADVANCES_S = (307, 1709, 5003)
END_S = 10_007
NUM_BEFORE_AN_END = 3
"""So many commits are written before a session may end: an empty one hides what they leave."""
BUSY_MS = 100_000
"""More than passes between two calls, less than any of these lives and steps of time."""
SESSIONS, OWNERS, TOKENS = ("a", "b"), ("server 1", "server 2"), ("t1", "t2", "t3")
PARTS = st.dictionaries(st.sampled_from(["session", "tracker/x", "tracker/y"]), st.binary())

COMMITS = st.fixed_dictionaries(
    {
        "fence": st.sampled_from([0, 0, 0, 0, 0, -1, 1]),
        "step": st.sampled_from(
            [(0, 1), (0, 1), (0, 1), (0, 3), (1, 2), (0, 0), (0, -1), (1, 0), (-1, 3)]
        ),
        "parts": PARTS,
        "num_results": st.integers(0, 4),
        "kept": st.integers(0, 6),
        "base": st.sampled_from([None, 0, 0, -1]),
        "removed": st.sets(st.sampled_from(["session", "tracker/x"])),
    }
)
"""Most of them are what a server would write next; the others are too late, or of no server."""

sessions, owners = st.sampled_from(SESSIONS), st.sampled_from(OWNERS)
tokens = st.sampled_from(TOKENS)


class SessionStores(RuleBasedStateMachine):
    """Any calls of any number of servers, at any time."""

    leases = Bundle("leases")
    may_end = precondition(lambda self: self.num_written >= NUM_BEFORE_AN_END)

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        on_redis = partial(RedisStore, times=TIMES, timeout_s=PATIENT_S)
        self.pair: Pair[SessionStore] = Pair(server, _in_memory, on_redis)
        self.newest: dict[str, Lease] = {}
        self.last: Commit | None = None
        self.num_written = 0

    @initialize(target=leases)
    def a_session_is_there(self) -> Lease:
        return self.create("a", OWNERS[0], TOKENS[0], 1)

    @rule(target=leases, session=sessions, owner=owners, token=tokens, fence=st.integers(1, 3))
    def create(self, session: str, owner: str, token: str, fence: int) -> Lease:
        answer = self.pair.ask(lambda store: store.create(session, owner, token, fence))
        if answer is SessionExistsError:
            return Lease(session, owner, fence)
        return self.held(answer)

    @rule(target=leases, session=sessions, owner=owners, token=tokens, new=tokens)
    def take_over(self, session: str, owner: str, token: str, new: str) -> Any:
        taken = self.pair.ask(lambda store: store.take_over(session, owner, token, new))
        return multiple() if taken is None else self.held(taken.lease)

    @rule(lease=leases)
    def confirm_token(self, lease: Lease) -> None:
        self.pair.ask(lambda store: store.confirm_token(lease))

    @rule(target=leases, session=sessions, owner=owners)
    def seize(self, session: str, owner: str) -> Any:
        lease = self.pair.ask(lambda store: store.seize(session, owner))
        return multiple() if lease is None else self.held(lease)

    @rule(session=sessions, commits=st.lists(COMMITS, min_size=1, max_size=4))
    def commit(self, session: str, commits: list[dict[str, Any]]) -> None:
        lease = self.newest.get(session, Lease(session, OWNERS[0], 1))
        for choices in commits:
            stored = self.pair.ask(lambda store: store.load(session))
            commit = commit_after(stored or StoredSession(), lease, **choices)
            outcome = self.pair.ask(lambda store, commit=commit: store.commit(commit))
            self.num_written += outcome is CommitOutcome.COMMITTED
            self.last = commit

    @precondition(lambda self: self.last is not None)
    @rule()
    def commit_again(self) -> None:
        """Its answer was lost."""
        self.pair.ask(lambda store: store.commit(self.last))

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        self.pair.ask(lambda store: store.release(lease))

    @may_end
    @rule(lease=leases)
    def delete(self, lease: Lease) -> None:
        self.pair.ask(lambda store: store.delete(lease))

    @may_end
    @rule(session=sessions)
    def discard(self, session: str) -> None:
        self.pair.ask(lambda store: store.discard(session))

    @rule(held=st.lists(leases, max_size=3))
    def renew(self, held: list[Lease]) -> None:
        self.pair.ask(partial(_renew, held))

    @rule(seconds=st.sampled_from(ADVANCES_S))
    def time_passes(self, seconds: float) -> None:
        self.pair.advance(seconds)

    @may_end
    @rule()
    def lives_end(self) -> None:
        self.pair.advance(END_S)
        self.num_written = 0

    @invariant()
    def both_hold_the_same(self) -> None:
        for session in SESSIONS:
            self.pair.ask(lambda store, session=session: store.load(session))
            self.pair.ask(lambda store, session=session: store.results_after(session, 2))
        ours, theirs = self.pair.both(_listing)
        assert [replace(row, expires_ms=0) for row in ours] == [
            replace(row, expires_ms=0) for row in theirs
        ]
        for our, their in zip(ours, theirs, strict=True):
            assert abs(our.expires_ms - their.expires_ms) < BUSY_MS

    def held(self, lease: Lease) -> Lease:
        self.newest[lease.session] = lease
        return lease

    def teardown(self) -> None:
        self.pair.close()


def commit_after(
    stored: StoredSession,
    lease: Lease,
    *,
    fence: int,
    step: tuple[int, int],
    parts: dict[str, bytes],
    num_results: int,
    kept: int,
    base: int | None,
    removed: set[str],
) -> Commit:
    """Make a commit that is so far from what is stored."""
    at = max(1, stored.sequence + step[1])
    numbers = range(max(1, at - num_results + 1), at + 1)
    return Commit(
        lease=replace(lease, fence=lease.fence + fence),
        base_sequence=stored.sequence + (base or 0),
        epoch=stored.epoch + step[0],
        sequence=at,
        parts=parts,
        results=tuple(KeptResult(number, b"result %d" % number) for number in numbers),
        keep_after=max(0, at - kept),
        whole=base is None,
        removed=() if base is None else tuple(sorted(removed)),
    )


def _in_memory(clock) -> MemoryStore:
    return MemoryStore(TIMES, clock=clock)


async def _renew(leases: list[Lease], store: SessionStore) -> list[Lease]:
    renewer = store.renewer()
    try:
        return renewer.renew(leases)
    finally:
        renewer.close()


async def _listing(store: SessionStore) -> list[SessionListing]:
    return sorted(await store.listing(10), key=lambda row: row.session)


def test_any_calls_get_the_same_answers(shared_redis):
    machine = partial(SessionStores, shared_redis)
    run_state_machine_as_test(machine, settings=examples(25, stateful_step_count=30))
