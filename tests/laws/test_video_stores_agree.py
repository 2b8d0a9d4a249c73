"""The store of whole videos in this process and the one on Redis: the same answers to any calls."""

from dataclasses import replace
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.record import VideoRecord, VideoState
from maskstream_server.jobs.records.redis_store import RedisVideoStore
from maskstream_server.jobs.records.store import Memory, VideoStore
from support.agreement import Pair
from support.examples import examples
from support.redis_server import PATIENT_S, RedisServer

RETENTION_S = 10_000.0
ADVANCES_S = (3_307, 5_003)
END_S = 10_007
MAX_VIDEOS = 4
NUM_BEFORE_AN_END = 3
"""So many changes are written before a record may go: one that is gone hides what they leave."""
NUMBERS = st.integers(0, MAX_VIDEOS - 1)
PARTS = st.dictionaries(st.sampled_from(["session", "tracker/x"]), st.binary(), min_size=1)
MEMORIES = st.none() | st.just({}) | PARTS
Change = tuple[int, VideoState, Memory | None]
CHANGES = st.tuples(st.sampled_from([1, 1, 1, 2]), st.sampled_from(list(VideoState)), MEMORIES)
"""Of which record, counted from the newest; its new state, and its new memory."""
BUSY_S = 100.0
KEYS = st.sampled_from([None, None, "key 1", "key 2"])


class VideoStores(RuleBasedStateMachine):
    """Any calls of servers and workers, also with records that have been changed since."""

    may_end = precondition(lambda self: self.num_written >= NUM_BEFORE_AN_END)

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        on_redis = partial(RedisVideoStore, retention_s=RETENTION_S, timeout_s=PATIENT_S)
        in_memory = partial(MemoryVideoStore, RETENTION_S)
        self.pair: Pair[VideoStore] = Pair(server, in_memory, on_redis, "mv:{*")
        self.versions: list[list[VideoRecord]] = []
        self.num_written = 0

    @initialize()
    def a_video_is_there(self) -> None:
        self.create(None)

    @precondition(lambda self: len(self.versions) < MAX_VIDEOS)
    @rule(key=KEYS)
    def create(self, key: str | None) -> None:
        video = f"v{len(self.versions):03d}"
        record = VideoRecord(video, "a.mp4", JobOptions(), 1, 1000.0, 1000.0)
        self.versions.append([record])
        self.pair.ask(lambda store: store.create(record, key))

    @rule(number=NUMBERS, changes=st.lists(CHANGES, min_size=1, max_size=4))
    def replace(self, number: int, changes: list[Change]) -> None:
        """Write changes of the newest record, or of the one before."""
        versions = self.versions[number % len(self.versions)]
        for age, state, memory in changes:
            old = versions[-min(age, len(versions))]
            new = replace(old, state=state, revision=old.revision + 1)
            if self.pair.ask(partial(_replaced, old, new, memory)):
                versions.append(new)
                self.num_written += 1

    @rule(number=NUMBERS)
    def list_again(self, number: int) -> None:
        self.pair.ask(lambda store: store.list_again(f"v{number:03d}"))

    @may_end
    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        self.pair.ask(lambda store: store.remove(f"v{number:03d}"))

    @rule(seconds=st.sampled_from(ADVANCES_S))
    def time_passes(self, seconds: float) -> None:
        self.pair.advance(seconds)

    @may_end
    @rule()
    def lives_end(self) -> None:
        self.pair.advance(END_S)
        self.num_written = 0

    @rule(limit=st.integers(1, 3), before=st.integers(0, 9))
    def page(self, limit: int, before: int) -> None:
        self.pair.ask(lambda store: store.page(limit, f"v{before:03d}"))

    @invariant()
    def both_hold_the_same(self) -> None:
        for video in (versions[0].id for versions in self.versions):
            self.pair.ask(lambda store, video=video: store.get(video))
            self.pair.ask(lambda store, video=video: store.memory(video))
            ours, theirs = self.pair.both(lambda store, video=video: store.left_s(video))
            assert abs(ours - theirs) < BUSY_S
        for key in ("key 1", "key 2"):
            self.pair.ask(lambda store, key=key: store.created_under(key))
        self.pair.ask(lambda store: store.page(100))

    def teardown(self) -> None:
        self.pair.close()


async def _replaced(
    old: VideoRecord, new: VideoRecord, memory: Memory | None, store: VideoStore
) -> bool:
    return await store.replace(old, new, memory)


def test_any_calls_get_the_same_answers(shared_redis):
    machine = partial(VideoStores, shared_redis)
    run_state_machine_as_test(machine, settings=examples(25, stateful_step_count=30))
