"""Windows over a stream: everything is decided once, in order, and little is held."""

import weakref
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_model.daq.spans import Cutter, spans

WINDOWS = st.integers(1, 9).flatmap(
    lambda window: st.tuples(st.just(window), st.integers(0, window - 1))
)


@given(count=st.integers(0, 60), rule=WINDOWS)
def test_every_item_is_decided_once_in_order(count, rule):
    decided = []
    for span in spans(range(count), *rule):
        assert list(span.items) == list(range(span.first, span.first + len(span.items)))
        assert len(span.items) <= rule[0]
        decided += [span.items[index] for index in span.final]
    assert decided == list(range(count))


@given(count=st.integers(1, 60), rule=WINDOWS)
def test_windows_are_full_and_overlap_as_asked(count, rule):
    window, overlap = rule
    parts = list(spans(range(count), window, overlap))
    for before, after in pairwise(parts):
        assert len(before.items) == window
        assert before.items[window - overlap :] == after.items[:overlap]
        assert len(after.items) > overlap


def test_what_windows_share_is_decided_half_by_each():
    parts = list(spans(range(16), 10, 4))
    assert [(part.first, part.final) for part in parts] == [(0, range(8)), (6, range(2, 10))]


@pytest.mark.parametrize("window", [None, 7, 100])
def test_a_stream_that_fits_one_window_is_one(window):
    (only,) = spans(iter(range(7)), window, 3)
    assert (only.first, only.items, only.final) == (0, tuple(range(7)), range(7))


def test_nothing_is_read_before_it_is_needed():
    read = []
    parts = spans((read.append(item) for item in range(50)), 10, 4)
    next(parts)
    assert len(read) == 11
    next(parts)
    assert len(read) == 17


def test_one_window_is_held_at_a_time():
    class Item:
        pass

    living = weakref.WeakSet()

    def items():
        for _ in range(50):
            living.add(item := Item())
            yield item

    most = [len(living) for _ in map(lambda span: span.first, spans(items(), 10, 4))]  # noqa: C417
    assert max(most) <= 12


def test_a_stream_taken_up_where_a_window_begins_is_cut_as_before():
    whole = list(spans(range(50), 10, 4))
    cutter = Cutter(10, 4)
    for item in range(50):
        expected_first = cutter.first + 10 - 4
        if (span := cutter.add(item)) is None:
            continue
        assert (cutter.first, cutter.decided) == (expected_first, span.first + span.final.stop)
        again = Cutter(10, 4, cutter.first, cutter.decided)
        parts = [again.add(number) for number in range(cutter.first, 50)]
        later = [*filter(None, parts), again.rest()]
        assert later == whole[whole.index(span) + 1 :]
