"""What merged commits, and commits of what has changed, leave in a store."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from maskstream_server.stores.committer import changed, merge
from maskstream_server.stores.interface import Commit, CommitOutcome, Delivery, KeptResult, Lease
from maskstream_server.stores.memory import MemoryStore
from support.stores import frame

commits = st.lists(
    st.tuples(st.sets(st.sampled_from(["x", "y", "z"])), st.integers(0, 2)),
    min_size=2,
    max_size=6,
)


@given(commits)
async def test_merged_commits_leave_what_single_ones_leave(steps):
    one_by_one, merged = MemoryStore(), MemoryStore()
    whole = None
    for number, (names, keep) in enumerate(steps, 1):
        commit = Commit(
            lease=Lease("a", "server", 1),
            base_sequence=number - 1,
            epoch=1,
            sequence=number,
            parts=dict.fromkeys(names, b"%d" % number),
            results=(KeptResult(number, b"result"),),
            keep_after=max(0, number - 1 - keep),
        )
        if number == 1:
            await one_by_one.create("a", "server", "hash")
            await merged.create("a", "server", "hash")
        assert await one_by_one.commit(commit) is CommitOutcome.COMMITTED
        whole = commit if whole is None else merge(whole, commit)
    assert whole is not None
    assert await merged.commit(whole) is CommitOutcome.COMMITTED
    assert await merged.load("a") == await one_by_one.load("a")
    kept = {result.sequence for result in await merged.results_after("a", 0)}
    # A merged commit may keep more than `keep_after` said in between, never less.
    assert kept >= {result.sequence for result in await one_by_one.results_after("a", 0)}


memories = st.dictionaries(st.sampled_from("vwxyz"), st.binary(max_size=3))


@given(memories, memories, st.integers(1, 2))
async def test_a_change_makes_the_new_memory_of_the_old(before, after, epoch):
    store = MemoryStore()
    lease = await store.create("a", "server", "hash")
    first = frame(lease, 1, parts=before)
    second = frame(lease, 2, parts=after, epoch=epoch)
    assert await store.commit(first) is CommitOutcome.COMMITTED
    assert await store.commit(changed(first, second)) is CommitOutcome.COMMITTED
    stored = await store.load("a")
    assert stored is not None
    assert (stored.epoch, stored.sequence, stored.parts) == (epoch, 2, after)


def test_deliveries_of_merged_commits_stay_in_order_and_are_bounded(monkeypatch):
    monkeypatch.setattr("maskstream_server.stores.committer.MAX_DELIVERIES", 3)
    lease = Lease("a", "server", 1)
    first, second = (
        replace(
            frame(lease, sequence),
            deliveries=tuple(Delivery(sequence, "webhook", body) for body in bodies),
        )
        for sequence, bodies in ((1, (b"a", b"b")), (2, (b"c", b"d")))
    )
    assert [each.body for each in merge(first, second).deliveries] == [b"b", b"c", b"d"]
