"""J and F of single masks, against the definition in words and cases worked out by hand."""

import numpy as np
import pytest

from maskstream_train.evaluation.referring.measures import (
    Shape,
    contour,
    contour_accuracy,
    reach,
    region_similarity,
)
from support.datasets import box

SIZE = (40, 60)


def measured(found, truth):
    one, other = Shape.of(found), Shape.of(truth)
    return region_similarity(one, other), contour_accuracy(one, other)


def spelled_out(found, truth):
    """F pixel by pixel: an edge has another value right, below or right below it."""

    def edges(mask):
        height, width = mask.shape
        places = set()
        for y in range(height):
            for x in range(width):
                near = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
                if any(a < height and b < width and mask[a, b] != mask[y, x] for a, b in near):
                    places.add((y, x))
        return places

    def share(some, others):
        far = int(np.ceil(0.008 * np.hypot(*found.shape))) ** 2
        close = [any((y - a) ** 2 + (x - b) ** 2 <= far for a, b in others) for y, x in some]
        return np.mean(close) if close else 1.0

    ours, theirs = edges(found), edges(truth)
    precision, recall = share(ours, theirs), share(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("seed", range(6))
def test_contours_are_compared_as_defined(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.random((2, 5, 8)) > 0.6
    found, truth = coarse.repeat(5, 1).repeat(5, 2)[:, :24, :37]
    found = np.roll(found, seed - 2, (0, 1))
    assert measured(found, truth)[1] == pytest.approx(spelled_out(found, truth), abs=1e-12)


def test_the_tolerance_grows_with_the_picture():
    assert [reach(size) for size in [(40, 60), (480, 854), (300, 400)]] == [1, 8, 4]


def test_a_shift_within_the_tolerance_costs_region_but_no_contour():
    found, truth = box(10, 10, 20, 20, SIZE), box(10, 11, 20, 21, SIZE)
    region, accuracy = measured(found, truth)
    assert region == pytest.approx(90 / 110)
    assert accuracy == 1.0


def test_a_contour_two_pixels_away_is_wrong_where_one_is_allowed():
    found, truth = box(10, 10, 20, 20, SIZE), box(10, 12, 20, 22, SIZE)
    # Of 40 pixels the columns of 11 at the side lie away, but for those beside a row's end.
    assert measured(found, truth)[1] == pytest.approx(spelled_out(found, truth))
    assert 0.4 < measured(found, truth)[1] < 0.7


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        (np.zeros(SIZE, bool), np.zeros(SIZE, bool), (1.0, 1.0)),
        (np.zeros(SIZE, bool), box(1, 1, 9, 9, SIZE), (0.0, 0.0)),
        (box(1, 1, 9, 9, SIZE), np.zeros(SIZE, bool), (0.0, 0.0)),
        (np.ones(SIZE, bool), np.ones(SIZE, bool), (1.0, 1.0)),
    ],
    ids=["both empty", "nothing found", "nothing there", "whole picture"],
)
def test_where_there_is_nothing(found, truth, expected):
    assert measured(found, truth) == expected


def test_the_edge_of_a_picture_is_no_contour():
    assert not contour(np.ones(SIZE, bool)).any()
    half = box(0, 0, 40, 30, SIZE)
    assert np.argwhere(contour(half)).tolist() == [[y, 29] for y in range(40)]
