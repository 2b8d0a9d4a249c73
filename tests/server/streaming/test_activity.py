from types import SimpleNamespace

import pytest

from maskstream_server.streaming.activity import RECENT_S, Activity
from support.stores import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def activity(clock: Clock) -> Activity:
    welcome = SimpleNamespace(model=SimpleNamespace(name="demo"), epoch=2, next_sequence=8)
    return Activity(welcome, clock)


def result(sequence: int, final: bool = True, tracks: int = 0) -> SimpleNamespace:
    report = SimpleNamespace(final=final, size=(36, 64), mentioned=frozenset(range(tracks)))
    return SimpleNamespace(frame=SimpleNamespace(sequence=sequence, epoch=2), report=report)


def test_before_the_first_result_it_stands_where_its_memory_does(activity, clock):
    clock.advance(3.0)
    assert (activity.epoch, activity.sequence) == (2, 7)
    live = activity.shown()
    assert (live.width, live.height, live.fps, live.tracks) == (None, None, None, 0)
    assert (live.model, live.connected_s) == ("demo", 3.0)


def test_the_rate_is_that_of_the_latest_results(activity, clock):
    for sequence in range(8, 108):
        clock.advance(0.5 if sequence < 60 else 0.04)
        activity.answered(result(sequence, tracks=3))
    live = activity.shown()
    assert (live.width, live.height, live.fps, live.tracks) == (64, 36, 25.0, 3)
    assert activity.sequence == 107
    clock.advance(RECENT_S + 0.1)
    assert activity.shown().fps is None
    assert activity.shown().tracks == 3


def test_results_that_are_not_final_do_not_count(activity, clock):
    for sequence in (8, 8, 9, 9):
        clock.advance(0.1)
        activity.answered(result(sequence, final=False, tracks=5))
    assert (activity.sequence, activity.shown().fps, activity.shown().tracks) == (7, None, 0)
