"""Windows shifted along time, rows and columns, against attention of all tokens at once."""

import pytest
import torch
from torch.nn import functional as F

from maskstream_model.sgmg.video_windows import (
    VideoWindowAttention,
    fitted,
    from_windows,
    to_windows,
)

WINDOW = (4, 3, 3)
EXTENTS = {
    "one window": (4, 3, 3),
    "shifted along time alone": (9, 3, 3),
    "shifted along rows and columns": (3, 7, 8),
    "shifted along all axes": (10, 5, 7),
    "fewer rows than a window has": (6, 2, 7),
}


def attended_at_once(attention, grid, window, shift):
    """Every pair of tokens of the padded grid, with those blocked that share no window or region.

    Regions are what the released model tells apart: stretches between an axis's begin, its last
    window, and what the shift has torn off.
    """
    extent = grid.shape[:3]
    ends = [-side % step for side, step in zip(extent, window, strict=True)]
    padded = F.pad(grid, (0, 0, 0, ends[2], 0, ends[1], 0, ends[0]))
    size = padded.shape[:3]
    rolled = padded.roll([-by for by in shift], (0, 1, 2)).flatten(0, 2)
    places = torch.cartesian_prod(*map(torch.arange, size))
    step, by, sides = map(torch.tensor, (window, shift, size))
    regions = (places >= sides - step).long() + ((places >= sides - by) & (by > 0)).long()
    inside = places % step  # of a window
    number = (inside[:, 0] * window[1] + inside[:, 1]) * window[2] + inside[:, 2]
    same = (places // step)[:, None].eq(places // step).all(-1)
    torn = regions[:, None].ne(regions).any(-1)
    table = attention.relative_position_bias_table
    bias = table[attention.relative_position_index[number[:, None], number]].permute(2, 0, 1)
    bias = (bias + torn * -100.0).masked_fill(~same, -torch.inf)
    qkv = attention.qkv(rolled).unflatten(-1, (3, attention.heads, -1)).permute(1, 2, 0, 3)
    q, k, v = qkv
    weights = (q @ k.mT / q.shape[-1] ** 0.5 + bias).softmax(-1)
    read = attention.proj((weights @ v).transpose(0, 1).flatten(1)).reshape(padded.shape)
    return read.roll(shift, (0, 1, 2))[: extent[0], : extent[1], : extent[2]]


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("extent", EXTENTS.values(), ids=EXTENTS.keys())
def test_windows_compute_what_attention_of_all_tokens_does(extent, shifted):
    torch.manual_seed(0)
    attention = VideoWindowAttention(8, 2, WINDOW)
    grid = torch.randn(*extent, 8)
    with torch.no_grad():
        torch.nn.init.normal_(attention.relative_position_bias_table)
        torch.nn.init.normal_(attention.qkv.bias)
        window, shift = fitted(extent, WINDOW, shifted)
        expected = attended_at_once(attention, grid, window, shift)
        found = attention(torch.stack([grid, grid.flip(0)]), shifted)
        torch.testing.assert_close(found[0], expected, atol=1e-5, rtol=1e-5)
        other = attended_at_once(attention, grid.flip(0), window, shift)
        torch.testing.assert_close(found[1], other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("extent", "window", "shift"),
    [
        ((8, 90, 160), (8, 7, 7), (0, 3, 3)),
        ((9, 90, 160), (8, 7, 7), (4, 3, 3)),
        ((36, 5, 6), (8, 5, 6), (4, 0, 0)),
        ((1, 7, 8), (1, 7, 7), (0, 0, 3)),
    ],
)
def test_an_axis_of_one_window_is_not_shifted(extent, window, shift):
    assert fitted(extent, (8, 7, 7), shifted=True) == (window, shift)
    assert fitted(extent, (8, 7, 7), shifted=False) == (window, (0, 0, 0))


def test_windows_are_put_back_where_they_were_cut():
    grid = torch.arange(3 * 8 * 6 * 9 * 2).view(3, 8, 6, 9, 2)
    assert from_windows(to_windows(grid, WINDOW), WINDOW, (8, 6, 9)).equal(grid)
