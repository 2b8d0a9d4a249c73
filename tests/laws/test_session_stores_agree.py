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
    KeptResult,
    Lease,
    SessionListing,
    SessionStore,
    StoreTimes,
)
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.stores.redis import RedisStore
from support.agreement import Pair
from support.examples import examples
from support.redis_server import PATIENT_S, RedisServer

# Long lives, so that a machine that is busy lets none of them end between two calls.
TIMES = StoreTimes(resume_ttl_s=10_000, lease_s=1_000)
ADVANCES_S = (307, 1709, 5003, 10_007)
BUSY_MS = 100_000
"""More than passes between two calls, less than any of these lives and steps of time."""
SESSIONS, OWNERS, TOKENS = ("a", "b"), ("server 1", "server 2"), ("t1", "t2", "t3")
PARTS = st.dictionaries(st.sampled_from(["session", "tracker/x", "tracker/y"]), st.binary())

sessions, owners = st.sampled_from(SESSIONS), st.sampled_from(OWNERS)
tokens = st.sampled_from(TOKENS)


class SessionStores(RuleBasedStateMachine):
    """Any calls of any number of servers, at any time."""

    leases = Bundle("leases")

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        on_redis = partial(RedisStore, times=TIMES, timeout_s=PATIENT_S)
        self.pair: Pair[SessionStore] = Pair(server, _in_memory, on_redis)
        self.last: Commit | None = None

    @initialize(target=leases)
    def a_session_is_there(self) -> Lease:
        return self.pair.ask(lambda store: store.create("a", OWNERS[0], TOKENS[0]))

    @rule(target=leases, session=sessions, owner=owners, token=tokens, fence=st.integers(1, 3))
    def create(self, session: str, owner: str, token: str, fence: int) -> Lease:
        answer = self.pair.ask(lambda store: store.create(session, owner, token, fence))
        return Lease(session, owner, fence) if answer is SessionExistsError else answer

    @rule(target=leases, session=sessions, owner=owners, token=tokens, new=tokens)
    def take_over(self, session: str, owner: str, token: str, new: str) -> Any:
        taken = self.pair.ask(lambda store: store.take_over(session, owner, token, new))
        return multiple() if taken is None else taken.lease

    @rule(lease=leases)
    def confirm_token(self, lease: Lease) -> None:
        self.pair.ask(lambda store: store.confirm_token(lease))

    @rule(target=leases, session=sessions, owner=owners)
    def seize(self, session: str, owner: str) -> Any:
        lease = self.pair.ask(lambda store: store.seize(session, owner))
        return multiple() if lease is None else lease

    @rule(
        lease=leases,
        fence=st.sampled_from([0, 0, 0, 1]),
        step=st.sampled_from([(0, -1), (0, 0), (0, 1), (0, 1), (0, 3), (1, 0), (1, 2), (-1, 3)]),
        parts=PARTS,
        num_results=st.integers(0, 4),
        kept=st.integers(0, 6),
        base=st.sampled_from([None, None, 0, -1]),
        removed=st.sets(st.sampled_from(["session", "tracker/x"])),
    )
    def commit(self, lease, fence, step, parts, num_results, kept, base, removed) -> None:
        stored = self.pair.ask(lambda store: store.load(lease.session))
        epoch, sequence = (stored.epoch, stored.sequence) if stored else (1, 0)
        at = max(1, sequence + step[1])
        numbers = range(max(1, at - num_results + 1), at + 1)
        commit = Commit(
            lease=replace(lease, fence=lease.fence + fence),
            base_sequence=sequence + (base or 0),
            epoch=epoch + step[0],
            sequence=at,
            parts=parts,
            results=tuple(KeptResult(number, b"result %d" % number) for number in numbers),
            keep_after=max(0, at - kept),
            whole=base is None,
            removed=() if base is None else tuple(sorted(removed)),
        )
        self.pair.ask(lambda store: store.commit(commit))
        self.last = commit

    @precondition(lambda self: self.last is not None)
    @rule()
    def commit_again(self) -> None:
        """Its answer was lost."""
        self.pair.ask(lambda store: store.commit(self.last))

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        self.pair.ask(lambda store: store.release(lease))

    @rule(lease=leases)
    def delete(self, lease: Lease) -> None:
        self.pair.ask(lambda store: store.delete(lease))

    @rule(session=sessions)
    def discard(self, session: str) -> None:
        self.pair.ask(lambda store: store.discard(session))

    @rule(held=st.lists(leases, max_size=3))
    def renew(self, held: list[Lease]) -> None:
        self.pair.ask(partial(_renew, held))

    @rule(seconds=st.sampled_from(ADVANCES_S))
    def time_passes(self, seconds: float) -> None:
        self.pair.advance(seconds)

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

    def teardown(self) -> None:
        self.pair.close()


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
