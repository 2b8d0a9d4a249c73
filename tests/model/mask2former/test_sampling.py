"""The bodies of deformable sampling agree with one another and with numbers worked out by hand."""

import pytest
import torch

from maskstream_model.mask2former.deformable_attention import softmax
from maskstream_model.mask2former.geometry import cell_centres, geometry
from maskstream_model.mask2former.sampling import (
    sample_and_weigh,
    sample_by_bag,
    sample_by_gather,
    sample_by_grid,
)

BODIES = [sample_by_grid, sample_by_gather, sample_by_bag]
SHAPES = ((1, 1), (2, 3), (5, 4))
NUM_CELLS = 1 + 6 + 20


def vectors(seed, batch=2, queries=7, heads=3, width=4, points=2, reach=3.0):
    """Random inputs whose locations lie up to `reach` pixels outside of each level."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.tensor([[w, h] for h, w in SHAPES], dtype=torch.float32)[:, None]
    value = torch.randn(batch, NUM_CELLS, heads, width, generator=generator)
    locations = torch.rand(batch, queries, heads, 3, points, 2, generator=generator)
    weights = torch.rand(batch, queries, heads, 3, points, generator=generator)
    constants = geometry(SHAPES, SHAPES, heads, points, torch.device("cpu"))
    return value, constants, locations * (sizes + 2 * reach) - reach - 0.5, weights


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("body", [sample_by_gather, sample_by_bag])
def test_every_body_agrees_with_grid_sample_inside_and_outside(body, seed):
    inputs = vectors(seed)
    torch.testing.assert_close(body(*inputs), sample_by_grid(*inputs), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("far", [-1e6, -1.0, 1e6])
def test_far_outside_everything_is_zero(body, far):
    value, constants, locations, weights = vectors(0)
    outside = body(value, constants, torch.full_like(locations, far), weights)
    assert outside.abs().max() < 1e-6


@pytest.mark.parametrize("body", [sample_by_grid, sample_by_bag])
def test_a_location_that_is_no_number_spoils_its_own_query_only(body):
    value, constants, locations, weights = vectors(0)
    locations[0, 2, 1, 0, 0, 0] = float("nan")
    spoiled = body(value, constants, locations, weights).isnan().any(-1)
    assert spoiled.nonzero().tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("body", BODIES)
def test_whole_numbers_read_single_cells_of_each_level(body):
    value, constants, locations, weights = vectors(1, points=1)
    locations = torch.zeros_like(locations)
    locations[..., 1, :, 0], locations[..., 2, :, 1] = 2, 3  # column 2 of level 1, row 3 of level 2
    weights = torch.ones_like(weights)
    cells = value[:, 0] + value[:, 1 + 2] + value[:, 1 + 6 + 3 * 4]
    expected = cells[:, None].expand(-1, weights.shape[1], -1, -1)
    torch.testing.assert_close(body(value, constants, locations, weights), expected)


@pytest.mark.parametrize("body", BODIES)
def test_half_way_over_the_border_reads_half_of_the_cell(body):
    value, constants, locations, weights = vectors(2, points=1)
    locations = torch.full_like(locations, -9)
    locations[:, :, :, 1] = torch.tensor([2.5, 1.0])
    expected = 0.5 * value[:, 1 + 5] * weights[:, 0, :, 1]
    ours = body(value, constants, locations, weights)[:, 0]
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("body", [sample_by_gather, sample_by_bag, sample_and_weigh])
def test_gradients_are_those_of_grid_sample(body):
    expected = gradients(sample_by_grid)
    for ours, theirs in zip(gradients(body), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def gradients(body):
    value, constants, locations, weights = vectors(3)
    leaves = [tensor.requires_grad_() for tensor in (value, locations, weights)]
    output = body(value, constants, locations, weights)
    toward = torch.randn(output.shape, generator=torch.Generator().manual_seed(4))
    return torch.autograd.grad(output, leaves, toward)


def test_a_cell_is_its_own_centre_on_its_own_level():
    centres = cell_centres(SHAPES, SHAPES, torch.device("cpu"))
    assert centres.shape == (NUM_CELLS, 3, 2)
    own = centres[7:, 2]
    expected = [(column, row) for row in range(5) for column in range(4)]
    torch.testing.assert_close(own, torch.tensor(expected, dtype=torch.float32))
    torch.testing.assert_close(centres[0, 1], torch.tensor([1.0, 0.5]))


def test_softmax_is_that_of_torch_and_does_not_overflow():
    logits = torch.tensor([[1.0, 2.0, -3.0], [200.0, 199.0, 100.0]])
    torch.testing.assert_close(softmax(logits), logits.softmax(-1))
