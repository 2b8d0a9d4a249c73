"""Overlapping windows of a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_model.daq.windows import OpenWindow, WindowRule


def windows(items, rule, held=None):
    """Every window of a stream, and the most items that were ever held."""
    open_window, cut = OpenWindow(), []
    for item in items:
        window, open_window = open_window.add(item, rule)
        cut.append(window)
        if held is not None:
            held.append(len(open_window.items))
    last, after = open_window.close()
    assert (after.first, after.decided, after.items) == (open_window.end, open_window.end, ())
    return [window for window in [*cut, last] if window is not None]


@given(st.integers(0, 40), st.integers(1, 9), st.data())
def test_every_item_is_decided_once_and_in_order(length, size, data):
    rule = WindowRule(size, data.draw(st.integers(0, size - 1)))
    decided, held = [], []
    for window in windows(range(length), rule, held):
        assert window.items == tuple(range(window.first, window.first + len(window.items)))
        assert len(window.items) <= size
        decided += [window.items[place] for place in window.decided]
    assert decided == list(range(length))
    assert max(held, default=0) <= size


@pytest.mark.parametrize("length", [1, 6, 7, 10, 11])
def test_windows_share_items_and_each_decides_half_of_them(length):
    cut = windows(range(length), WindowRule(6, 2))
    assert [(each.first, len(each.items)) for each in cut] == {
        1: [(0, 1)],
        6: [(0, 6)],
        7: [(0, 6), (4, 3)],
        10: [(0, 6), (4, 6)],
        11: [(0, 6), (4, 6), (8, 3)],
    }[length]
    starts = [each.first + each.decided.start for each in cut]
    assert starts == [0, 5, 9][: len(cut)]


def test_without_a_size_there_is_one_window():
    (only,) = windows(range(99), WindowRule(None, 2))
    assert (only.first, len(only.items), only.decided) == (0, 99, range(99))
    assert WindowRule(None, 2).stride is None


def test_an_empty_stream_has_no_windows():
    assert windows([], WindowRule(6, 2)) == []


def test_after_a_cut_in_the_middle_windows_begin_anew():
    rule, open_window = WindowRule(6, 2), OpenWindow()
    for item in range(3):
        _, open_window = open_window.add(item, rule)
    _, open_window = open_window.close()
    _, open_window = open_window.add("next", rule)
    assert (open_window.first, open_window.decided, open_window.items) == (3, 3, ("next",))


def test_a_window_is_a_value():
    before = OpenWindow[int]()
    before.add(1, WindowRule(6, 2))
    assert before.items == ()
