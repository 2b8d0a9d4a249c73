"""How much of a mask is in a zone, or beside a line: pixel by pixel, by another method."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from maskstream_server.events.regions import CroppedMask, beside_line, in_zone

SIZE = (12, 20)
COORDINATES = st.integers(0, 20).map(lambda value: value / 20)
POINTS = st.tuples(COORDINATES, COORDINATES)


def cropped(mask: np.ndarray) -> CroppedMask:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return CroppedMask(mask.shape, int(x0), int(y0), mask[y0:y1, x0:x1], int(mask.sum()))


@st.composite
def masks(draw):
    seed = draw(st.integers(0, 1000))
    mask = np.random.default_rng(seed).random(SIZE) < draw(st.floats(0.02, 1))
    mask[draw(st.integers(0, SIZE[0] - 1)), draw(st.integers(0, SIZE[1] - 1))] = True
    return mask


def inside(corners, x: float, y: float) -> bool:
    """Whether a point is inside: how often a ray to the left meets the outline."""
    count = 0
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y0 <= y) != (y1 <= y):
            count += x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
    return count % 2 == 1


@given(masks(), st.lists(POINTS, min_size=3, max_size=7))
def test_the_share_in_a_zone_is_that_of_the_pixels_whose_centres_are_inside(mask, corners):
    height, width = SIZE
    grid = [(x * width, y * height) for x, y in corners]
    rows, columns = np.nonzero(mask)
    num = sum(inside(grid, x + 0.5, y + 0.5) for y, x in zip(rows, columns, strict=True))
    assert in_zone(corners, cropped(mask)).share == num / mask.sum()


@given(masks(), POINTS, POINTS)
def test_the_shares_beside_a_line_are_those_of_the_pixels_on_each_side(mask, start, end):
    if start == end:
        return
    height, width = SIZE
    (x0, y0), (x1, y1) = [(x * width, y * height) for x, y in (start, end)]
    rows, columns = np.nonzero(mask)
    turns = (x1 - x0) * (rows + 0.5 - y0) - (y1 - y0) * (columns + 0.5 - x0)
    measure = beside_line((start, end), cropped(mask))
    assert measure.share == (turns > 0).sum() / mask.sum()
    assert measure.other_share == (turns < 0).sum() / mask.sum()


def test_a_zone_over_the_whole_picture_has_all_of_every_mask():
    mask = np.ones(SIZE, bool)
    whole = [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert in_zone(whole, cropped(mask)).share == 1


def test_a_zone_agrees_with_what_pillow_fills_but_for_its_outline():
    corners = [(0.1, 0.1), (0.8, 0.2), (0.5, 0.5), (0.9, 0.9), (0.2, 0.8)]
    size = (200, 300)
    picture = Image.new("1", (size[1], size[0]))
    ImageDraw.Draw(picture).polygon([(x * size[1], y * size[0]) for x, y in corners], fill=1)
    filled = np.array(picture)
    share = in_zone(corners, cropped(np.ones(size, bool))).share
    assert share == pytest.approx(filled.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("line", "right_is"),
    [
        (((0.5, 1.0), (0.5, 0.0)), "right"),  # walking up: the right hand is right
        (((0.5, 0.0), (0.5, 1.0)), "left"),
        (((0.0, 0.5), (1.0, 0.5)), "below"),
        (((1.0, 0.5), (0.0, 0.5)), "above"),
    ],
)
def test_right_of_a_line_is_what_someone_who_walks_along_it_calls_right(line, right_is):
    mask = np.zeros(SIZE, bool)
    where = {"right": np.s_[:, 12:], "left": np.s_[:, :8], "below": np.s_[8:], "above": np.s_[:4]}
    mask[where[right_is]] = True
    assert beside_line(line, cropped(mask)).share == 1.0
    assert beside_line(line, cropped(mask)).other_share == 0.0


def test_a_mask_beyond_the_ends_of_a_line_is_not_beside_it():
    mask = np.zeros(SIZE, bool)
    mask[:4, 5:8] = True
    assert beside_line(((0.5, 0.0), (0.5, 1.0)), cropped(mask)).beside
    assert not beside_line(((0.5, 0.5), (0.5, 1.0)), cropped(mask)).beside
