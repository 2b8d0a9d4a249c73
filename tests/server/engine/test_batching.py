"""Which frames step together: fair, bounded, of one shape, one of a session."""

from hypothesis import given
from hypothesis import strategies as st

from maskstream_server.engine.batching import (
    PATIENCE_S,
    QueuedRequest,
    company_wait_s,
    first_class,
    next_batch,
)

queues = st.lists(
    st.builds(
        QueuedRequest,
        session=st.sampled_from("abcdef"),
        shape=st.sampled_from([(64, 96), (96, 64), (64, 64)]),
        since_s=st.just(0.0),
    ),
    max_size=20,
)
sizes = st.integers(1, 6)


@given(queues, sizes)
def test_a_batch_is_of_one_shape_and_has_no_session_twice(queue, max_batch):
    batch = [queue[index] for index in next_batch(queue, max_batch)]
    assert len({item.shape for item in batch}) <= 1
    assert len({item.session for item in batch}) == len(batch) <= max_batch


@given(queues, sizes)
def test_the_oldest_frame_is_always_in_the_batch(queue, max_batch):
    batch = next_batch(queue, max_batch)
    assert batch[:1] == ([0] if queue else [])


@given(queues, sizes)
def test_nobody_of_that_shape_is_left_out_for_a_younger_one(queue, max_batch):
    batch = next_batch(queue, max_batch)
    assert batch == sorted(batch)
    sessions = {queue[index].session for index in batch}
    for index, item in enumerate(queue):
        passed_over = batch and index < batch[-1] and index not in batch
        if passed_over and item.shape == queue[0].shape:
            assert item.session in sessions


@given(queues, sizes)
def test_every_frame_gets_its_turn_in_the_order_of_its_session(queue, max_batch):
    left, turns = list(enumerate(queue)), []
    while left:
        batch = next_batch([item for _, item in left], max_batch)
        turns.append([left[index] for index in batch])
        left = [entry for index, entry in enumerate(left) if index not in batch]
    for session in {item.session for item in queue}:
        for shape in {item.shape for item in queue}:
            turn = [
                n
                for batch in turns
                for n, item in batch
                if item == QueuedRequest(session, shape, 0)
            ]
            assert turn == sorted(turn)
    assert len(turns) <= len(queue)


def waiting(*since_s: float) -> list[QueuedRequest]:
    return [QueuedRequest(f"session {n}", (64, 96), at) for n, at in enumerate(since_s)]


def test_a_full_batch_goes_at_once():
    assert company_wait_s(waiting(1.0, 1.0), enough=2, window_s=0.5, now_s=1.0) == 0


def test_a_batch_that_is_not_full_waits_for_the_rest_of_the_window():
    assert company_wait_s(waiting(1.0), enough=2, window_s=0.5, now_s=1.25) == 0.25


def test_nothing_waits_longer_than_the_window():
    assert company_wait_s(waiting(1.0), enough=2, window_s=0.5, now_s=1.5) == 0
    assert company_wait_s(waiting(1.0), enough=2, window_s=0.5, now_s=9.0) == 0


def test_frames_of_another_shape_are_no_company():
    other = [*waiting(1.0), QueuedRequest("other", (32, 32), 1.0)]
    assert company_wait_s(other, enough=2, window_s=0.5, now_s=1.0) == 0.5


def queue_of(*items: tuple[float, bool]) -> list[QueuedRequest]:
    return [
        QueuedRequest(str(n), (64, 96), since_s, live) for n, (since_s, live) in enumerate(items)
    ]


def test_live_frames_go_before_those_of_videos():
    queue = queue_of((0.0, False), (0.5, True), (0.6, False), (0.7, True))
    assert first_class(queue, now_s=1.0) == [1, 3]


def test_videos_continue_where_nobody_is_live():
    assert first_class(queue_of((0.0, False), (0.5, False)), now_s=1.0) == [0, 1]


def test_a_video_has_a_turn_now_and_then_on_the_busiest_server():
    queue = queue_of((0.0, False), (0.5, True), (1.0, False))
    assert first_class(queue, now_s=PATIENCE_S) == [0]


@given(queues, st.floats(0, 10))
def test_one_frame_is_always_first(queue, now_s):
    assert bool(first_class(queue, now_s)) == bool(queue)
