"""The store of whole videos in this process and the one on Redis: the same answers to any calls."""

from dataclasses import replace
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.record import VideoRecord, VideoState
from maskstream_server.jobs.records.redis_store import RedisVideoStore
from maskstream_server.jobs.records.store import VideoStore
from support.agreement import Pair
from support.examples import examples
from support.redis_server import PATIENT_S, RedisServer

RETENTION_S = 10_000.0
ADVANCES_S = (3_307, 5_003, 5_003, 10_007)
MAX_VIDEOS = 4
BUSY_S = 100.0
KEYS = st.sampled_from([None, None, "key 1", "key 2"])
MEMORIES = st.none() | st.dictionaries(st.sampled_from(["session", "tracker/x"]), st.binary())


class VideoStores(RuleBasedStateMachine):
    """Any calls of servers and workers, also with records that have been changed since."""

    records = Bundle("records")

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        on_redis = partial(RedisVideoStore, retention_s=RETENTION_S, timeout_s=PATIENT_S)
        in_memory = partial(MemoryVideoStore, RETENTION_S)
        self.pair: Pair[VideoStore] = Pair(server, in_memory, on_redis, "mv:{*")
        self.ids: list[str] = []

    @precondition(lambda self: len(self.ids) < MAX_VIDEOS)
    @rule(target=records, key=KEYS)
    def create(self, key: str | None) -> VideoRecord:
        video = f"v{len(self.ids):03d}"
        self.ids.append(video)
        record = VideoRecord(video, "a.mp4", JobOptions(), 1, 1000.0, 1000.0)
        return self.pair.ask(lambda store: store.create(record, key))

    @rule(
        target=records,
        old=records,
        state=st.sampled_from(list(VideoState)),
        memory=MEMORIES,
    )
    def replace(self, old: VideoRecord, state: VideoState, memory):
        new = replace(old, state=state, revision=old.revision + 1)
        written = self.pair.ask(lambda store: store.replace(old, new, memory))
        return new if written else multiple()

    @rule(record=records)
    def list_again(self, record: VideoRecord) -> None:
        self.pair.ask(lambda store: store.list_again(record.id))

    @rule(record=records)
    def remove(self, record: VideoRecord) -> None:
        self.pair.ask(lambda store: store.remove(record.id))

    @rule(seconds=st.sampled_from(ADVANCES_S))
    def time_passes(self, seconds: float) -> None:
        self.pair.advance(seconds)

    @rule(limit=st.integers(1, 3), before=st.integers(0, 9))
    def page(self, limit: int, before: int) -> None:
        self.pair.ask(lambda store: store.page(limit, f"v{before:03d}"))

    @invariant()
    def both_hold_the_same(self) -> None:
        for video in self.ids:
            self.pair.ask(lambda store, video=video: store.get(video))
            self.pair.ask(lambda store, video=video: store.memory(video))
            ours, theirs = self.pair.both(lambda store, video=video: store.left_s(video))
            assert abs(ours - theirs) < BUSY_S
        for key in ("key 1", "key 2"):
            self.pair.ask(lambda store, key=key: store.created_under(key))
        self.pair.ask(lambda store: store.page(100))

    def teardown(self) -> None:
        self.pair.close()


def test_any_calls_get_the_same_answers(shared_redis):
    machine = partial(VideoStores, shared_redis)
    run_state_machine_as_test(machine, settings=examples(25, stateful_step_count=30))
