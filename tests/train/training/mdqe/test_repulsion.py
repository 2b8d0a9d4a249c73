"""Masks that keep off their neighbours, by the formulas of the specification."""

import pytest
import torch
from torch.nn import functional as F

from maskstream_train.training.mdqe.repulsion import mask_losses, neighbours, surroundings
from maskstream_train.training.mdqe.truth import ClipTruth, boxes_of


def truth_of(masks):
    """The truth of masks `(G, T, H, W)`."""
    by_frame = masks.transpose(0, 1)
    labels = torch.zeros(len(masks), dtype=torch.long)
    return ClipTruth(masks, labels, boxes_of(by_frame), by_frame.flatten(2).any(2))


def rows(*columns, frames=1):
    """Objects on a picture of 4x20 cells, each from one column to another, over all rows."""
    masks = torch.zeros(len(columns), frames, 4, 20, dtype=torch.bool)
    for mask, (left, right) in zip(masks, columns, strict=True):
        mask[..., left:right] = True
    return masks


def test_boxes_are_those_around_masks():
    masks = torch.zeros(2, 6, 10, dtype=torch.bool)
    masks[0, 1:4, 2:9] = True
    expected = [[0.55, 2.5 / 6, 0.7, 0.5], [0.0, 0.0, 0.0, 0.0]]
    assert torch.allclose(boxes_of(masks), torch.tensor(expected))


def test_neighbours_are_those_whose_boxes_overlap_on_a_frame():
    near = neighbours(truth_of(rows((0, 8), (6, 14), (13, 20))))
    # 2 of 14 columns, and 1 of 14: 0.14 and 0.07.
    assert near.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_one_frame_is_enough_and_both_must_be_on_it():
    masks = rows((0, 4), (10, 14), frames=2)
    masks[1, 1] = False
    masks[1, 1, :, 2:6] = True
    assert neighbours(truth_of(masks))[0, 1]
    masks[0, 1] = False
    assert not neighbours(truth_of(masks))[0, 1]


def test_surroundings_are_the_object_and_its_neighbours():
    masks = rows((0, 8), (6, 14), (16, 20))
    around = surroundings(truth_of(masks))
    assert around[0].equal(masks[0] | masks[1])
    assert around[2].equal(masks[2])


@pytest.fixture
def example():
    logits = torch.tensor([[2.0, -1.0, 0.5, -3.0]])
    masks = torch.tensor([[True, True, False, False]])
    around = torch.tensor([[True, True, True, False]])
    return logits, masks, around


def test_the_losses_are_those_of_the_specification(example):
    logits, masks, _ = example
    p, m = logits[0].sigmoid(), masks[0].float()
    surprise = -(m * p.log() + (1 - m) * (1 - p).log())
    bce = (2 * surprise[0] + 2 * surprise[1] + 2 * surprise[2] + surprise[3]) / 7
    dice = 1 - (2 * (p[0] + p[1]) + (1 - p[2]) + 1) / (p.sum() + 2 + 1 + 1)
    found = mask_losses(*example)
    assert [float(each) for each in found] == pytest.approx([float(bce), float(dice)], rel=1e-5)


def test_without_surroundings_they_are_the_usual_ones(example):
    logits, masks, _ = example
    bce, dice = mask_losses(logits, masks, torch.zeros_like(masks))
    usual = F.binary_cross_entropy_with_logits(logits, masks.float())
    p, m = logits.sigmoid(), masks.float()
    assert float(bce) == pytest.approx(float(usual), rel=1e-5)
    assert float(dice) == pytest.approx(
        float(1 - (2 * (p * m).sum() + 1) / (p.sum() + 3)), rel=1e-5
    )


def test_a_neighbours_pixel_costs_more_than_one_of_the_background(example):
    _, masks, around = example
    on_neighbour = torch.tensor([[5.0, 5.0, 5.0, -5.0]])
    on_background = torch.tensor([[5.0, 5.0, -5.0, 5.0]])
    for one, other in zip(
        mask_losses(on_neighbour, masks, around),
        mask_losses(on_background, masks, around),
        strict=True,
    ):
        assert one > other + 0.1
    usual = [mask_losses(x, masks, torch.zeros_like(masks)) for x in (on_neighbour, on_background)]
    assert torch.allclose(torch.cat(usual[0]), torch.cat(usual[1]))
