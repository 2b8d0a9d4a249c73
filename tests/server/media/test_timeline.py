"""Times of frames."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_media.timeline import SMALLEST_STEP_S, Timeline

STAMPS = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=30)


def times_of(stamps, start_s=None, step_s=0.1):
    timeline = Timeline(start_s, step_s)
    return [timeline.place(stamp) for stamp in stamps]


@given(STAMPS, st.none() | st.floats(-1e6, 1e6))
def test_times_always_grow_and_start_at_or_after_zero(stamps, start_s):
    times = times_of(stamps, start_s)
    assert times[0] >= 0
    assert all(late - early > 0.5 * SMALLEST_STEP_S for early, late in pairwise(times))
    assert all(map(math.isfinite, times))


def test_times_count_from_the_start_of_the_file():
    assert times_of([3601.5, 3601.7], start_s=3601.4) == pytest.approx([0.1, 0.3])


def test_times_count_from_the_first_frame_where_the_file_names_no_start():
    assert times_of([5.0, 5.5]) == [0.0, 0.5]


def test_gaps_stay_as_they_are():
    assert times_of([0.0, 0.1, 36000.0]) == [0.0, 0.1, 36000.0]


def test_a_clock_that_starts_anew_continues():
    assert times_of([0.0, 2.0, 0.0, 0.3]) == pytest.approx([0.0, 2.0, 2.1, 2.4])


def test_a_small_slip_shifts_nothing_after_it():
    assert times_of([0.0, 0.2, 0.1, 0.4])[-1] == pytest.approx(0.4)


def test_frames_of_one_time_are_parted():
    assert times_of([1.0, 1.0, 1.0]) == pytest.approx([0.0, SMALLEST_STEP_S, 2 * SMALLEST_STEP_S])


def test_a_frame_without_a_time_follows_the_one_before():
    assert times_of([None, None, 0.5, None]) == pytest.approx([0.0, 0.1, 0.5, 0.6])
