"""Deltas that are merged, written and written twice give the whole memory back."""

from hypothesis import given
from hypothesis import strategies as st

from maskstream_server.stores.committer import changed, merge
from maskstream_server.stores.interface import Commit, CommitOutcome, KeptResult, StoreTimes
from maskstream_server.stores.memory import MemoryStore
from support.simulated_server import done

CREDIT = 4
PARTS = st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=4), min_size=1)
STEPS = st.lists(
    st.tuples(PARTS, st.booleans(), st.sampled_from(["wait", "write", "write", "answer lost"])),
    min_size=1,
    max_size=30,
)


@given(STEPS)
def test_replayed_deltas_give_the_whole_memory(steps):
    store = MemoryStore(StoreTimes())
    lease = done(store.create("a", "server", "hash"))
    held = waiting = None
    epoch, last = 1, 0
    for sequence, (parts, is_reset, outcome) in enumerate(steps, 1):
        epoch += is_reset
        results = (KeptResult(sequence, b"result %d" % sequence),)
        commit = Commit(lease, 0, epoch, sequence, parts, results, max(0, sequence - CREDIT))
        waiting = commit if waiting is None else merge(waiting, commit)
        if outcome == "wait" and sequence < len(steps):
            continue
        change = waiting if held is None else changed(held, waiting)
        assert change.num_bytes <= waiting.num_bytes
        assert done(store.commit(change)) is CommitOutcome.COMMITTED
        if outcome == "answer lost":
            assert done(store.commit(change)) is CommitOutcome.REPEATED
        held, waiting, last = waiting, None, sequence
        stored = done(store.load("a"))
        assert (stored.epoch, stored.sequence, dict(stored.parts)) == (epoch, sequence, parts)
        kept = [result.sequence for result in done(store.results_after("a", 0))]
        assert kept == list(range(max(1, last - CREDIT + 1), last + 1))
