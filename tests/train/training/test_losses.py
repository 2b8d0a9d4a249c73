"""Losses have their known values, and gradients go where they should."""

import math

import pytest
import torch

from maskstream_train.training.criterion import Criterion, classes_of_rows, set_losses
from maskstream_train.training.losses import (
    IGNORED,
    MaskPairs,
    class_loss,
    mask_losses,
    point_bce,
    point_dice,
)
from maskstream_train.training.points import (
    PointSampling,
    sample_logits,
    sample_targets,
    uncertain_points,
)
from maskstream_train.training.targets import FrameTargets

SAMPLING = PointSampling(count=64)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    loss = class_loss(torch.zeros(1, 3, 5), torch.tensor([[0, 2, 4]]), no_object_weight=0.1)
    assert loss.item() == pytest.approx(math.log(5))


def test_no_object_rows_weigh_what_they_are_given():
    logits = torch.tensor([[[2.0, 0.0], [2.0, 0.0]]])
    right, wrong = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    loss = class_loss(logits, torch.tensor([[0, 1]]), no_object_weight=0.25)
    assert loss.item() == pytest.approx((right + 0.25 * wrong) / 1.25)


def test_layers_add_up_and_padding_counts_nowhere():
    logits = torch.randn(2, 3, 4)
    classes = torch.tensor([[0, 3, IGNORED], [1, IGNORED, IGNORED]])
    whole = class_loss(logits, classes, 0.1)
    alone = class_loss(logits[:1, :2], classes[:1, :2], 0.1)
    other = class_loss(logits[1:, :1], classes[1:, :1], 0.1)
    assert whole.item() == pytest.approx((alone + other).item(), rel=1e-5)


def test_an_undecided_mask_costs_log_two_per_mask():
    logits, truth = torch.zeros(3, 10), torch.ones(3, 10)
    assert point_bce(logits, truth).item() == pytest.approx(3 * math.log(2), rel=1e-5)


def test_dice_is_zero_for_the_right_mask_and_almost_one_for_its_opposite():
    truth = torch.tensor([[1.0] * 50 + [0.0] * 50])
    logits = 40 * (truth - 0.5)
    assert point_dice(logits, truth).item() == pytest.approx(0, abs=1e-5)
    assert point_dice(-logits, truth).item() == pytest.approx(1 - 1 / 101, abs=1e-5)


def test_masks_are_compared_with_the_truth_they_belong_to(generator):
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[0, :16], masks[1, 16:] = True, True
    right = torch.where(masks[:, ::4, ::4], 20.0, -20.0)
    matched = MaskPairs(right, masks, torch.tensor([0, 1]))
    crossed = MaskPairs(right, masks, torch.tensor([1, 0]))
    assert sum(mask_losses(matched, 2.0, SAMPLING, generator)) < 0.5
    assert sum(mask_losses(crossed, 2.0, SAMPLING, generator)) > 10


def test_no_masks_cost_nothing_and_can_still_be_differentiated(generator):
    logits = torch.zeros(0, 8, 8, requires_grad=True)
    nothing = MaskPairs(logits, torch.zeros(1, 32, 32, dtype=torch.bool), torch.zeros(0, dtype=int))
    bce, dice = mask_losses(nothing, 1.0, SAMPLING, generator)
    (bce + dice).backward()
    assert bce.item() == dice.item() == 0


def test_logits_are_read_at_the_centre_of_their_cell():
    logits = torch.arange(12.0).view(1, 1, 3, 4)
    centre = torch.tensor([[[2.5 / 4, 1.5 / 3]]])
    assert sample_logits(logits, centre).item() == pytest.approx(6.0)


def test_targets_are_read_at_the_pixel_a_point_falls_into():
    masks = torch.zeros(2, 4, 8, dtype=torch.bool)
    masks[1, 3, 5] = True
    points = torch.tensor([[[5.9 / 8, 3.1 / 4], [6.1 / 8, 3.1 / 4]]])
    assert sample_targets(masks, torch.tensor([1]), points).tolist() == [[1.0, 0.0]]


def test_most_points_lie_where_the_prediction_is_unsure(generator):
    logits = torch.linspace(-8, 8, 16).expand(1, 16, 16)
    points = uncertain_points(logits, PointSampling(count=256), generator)
    near = (points[..., 0] - 0.5).abs() < 0.15
    assert points.shape == (1, 256, 2)
    assert near.float().mean() > 0.6


def test_a_row_without_an_object_has_the_class_no_object():
    objects = torch.tensor([[1, -1, 0]])
    assert classes_of_rows(objects, torch.tensor([[7, 3]]), 9).tolist() == [[3, 9, 7]]


def test_matched_rows_pull_their_masks_and_all_rows_their_classes(generator):
    masks = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    masks[..., :16] = True
    targets = FrameTargets(masks, torch.tensor([[1]]), torch.tensor([[True]]))
    logits = torch.zeros(1, 1, 3, 4, requires_grad=True)
    start = torch.full((1, 1, 3, 8, 8), -3.0)
    start[0, 0, 2, :, :4] = 3.0
    mask_logits = start.requires_grad_()
    losses = set_losses(logits, mask_logits, targets, Criterion(), generator)
    sum(losses.values()).backward()
    assert logits.grad.abs().sum(-1)[0, 0].min() > 0
    touched = mask_logits.grad.abs().sum((-1, -2))[0, 0] > 0
    assert touched.tolist() == [False, False, True]
    assert logits.grad[0, 0, 2, 1] < 0, "the matched row is drawn to its class"
    assert (logits.grad[0, 0, :2, 3] < 0).all(), "the others to no object"
