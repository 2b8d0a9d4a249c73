"""Swin: windows that are cut and put back, sizes of its maps, frames that stay apart."""

import pytest
import torch

from maskstream_model.backbones.swin import Swin
from maskstream_model.backbones.windows import (
    WindowAttention,
    from_windows,
    region_bias,
    relative_positions,
    to_windows,
)
from maskstream_model.config import SwinConfig

SMALL = SwinConfig(width=12, depths=(2, 2, 2, 2), heads=(1, 2, 2, 4), window=3)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Swin(SMALL).eval()


def test_maps_have_strides_4_to_32_and_the_configured_widths(network):
    with torch.no_grad():
        maps = network(torch.randn(2, 3, 64, 96))
    assert [x.shape[1] for x in maps] == list(SMALL.widths) == [12, 24, 48, 96]
    assert [tuple(x.shape[2:]) for x in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_frames_of_a_batch_do_not_see_one_another(network):
    images = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for index in range(3):
            alone = network(images[index : index + 1])
            for ours, theirs in zip(network(images), alone, strict=True):
                torch.testing.assert_close(ours[index : index + 1], theirs, atol=1e-4, rtol=1e-4)


def test_windows_put_back_together_are_the_grid():
    grid = torch.arange(2 * 6 * 9 * 2).view(2, 6, 9, 2)
    windows = to_windows(grid, 3)
    assert windows.shape == (2, 6, 9, 2)
    assert torch.equal(windows[0, 1], grid[0, :3, 3:6].flatten(0, 1))
    assert torch.equal(from_windows(windows, 3, (6, 9)), grid)


def test_the_bias_of_two_tokens_depends_on_their_distance_alone():
    index = relative_positions(3)
    # Tokens 0, 1, 2 are the first row of a window, 3 starts the second one.
    assert index[0, 1] == index[1, 2] == index[3, 4] != index[1, 0]
    assert index[0, 0] == index[8, 8] == 12
    assert sorted(index.unique()) == list(range(25))


def test_only_neighbours_from_before_the_shift_see_one_another():
    bias = region_bias((6, 6), 3, 1, CPU)
    assert bias.shape == (4, 9, 9)
    assert (bias[0] == 0).all()
    # The last row and column of the last window came from the other side.
    apart = (bias[3] < 0).view(3, 3, 3, 3)
    assert not apart[:2, :2, :2, :2].any()
    assert apart[:2, :2, 2, :].all()
    assert apart[2, 2, 2, :2].all()


def test_cells_of_different_windows_do_not_see_one_another_and_a_shift_moves_the_border():
    torch.manual_seed(0)
    attention = WindowAttention(4, 2, 4).eval()
    grid = torch.randn(1, 8, 8, 4)
    changed = grid.clone()
    changed[0, 5, 5] += 1
    with torch.no_grad():
        moved = [
            (attention(changed, shift) != attention(grid, shift)).any(-1)[0] for shift in (0, 2)
        ]
    inside = torch.zeros(2, 8, 8, dtype=torch.bool)
    inside[0, 4:, 4:] = True
    inside[1, 2:6, 2:6] = True
    # Rounding may depend on a matrix's other rows; seeing is judged where nothing may change.
    assert not (moved[0] & ~inside[0]).any()
    assert not (moved[1] & ~inside[1]).any()
    assert moved[0][4, 4]
    assert moved[1][2, 2]
