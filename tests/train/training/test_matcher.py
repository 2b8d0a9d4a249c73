"""Matching gives each object the prediction that shows it."""

import torch

from maskstream_train.training.matcher import (
    UNMATCHED,
    MatchCost,
    assign,
    match_costs,
    objects_of_rows,
)
from maskstream_train.training.targets import FrameTargets


def planted(rows: torch.Tensor, num_rows: int) -> tuple[torch.Tensor, torch.Tensor, FrameTargets]:
    """Truth of squares in the four quarters, and predictions in which `rows` show them."""
    masks = torch.zeros(1, 4, 32, 32, dtype=torch.bool)
    for item in range(4):
        top, left = 16 * (item // 2), 16 * (item % 2)
        masks[0, item, top : top + 16, left : left + 16] = True
    labels = torch.tensor([[0, 1, 2, 0]])
    logits = torch.zeros(1, 1, num_rows, 4)
    mask_logits = torch.full((1, 1, num_rows, 8, 8), -5.0)
    for item, row in enumerate(rows.tolist()):
        logits[0, 0, row, labels[0, item]] = 4.0
        mask_logits[0, 0, row] = torch.where(masks[0, item, ::4, ::4], 5.0, -5.0)
    return logits, mask_logits, FrameTargets(masks, labels, torch.ones(1, 4, dtype=torch.bool))


def costs_of(logits, mask_logits, targets):
    generator = torch.Generator().manual_seed(0)
    return match_costs(logits, mask_logits, targets, MatchCost(num_points=64), generator)


def test_the_planted_assignment_is_found():
    rows = torch.tensor([5, 0, 3, 2])
    logits, mask_logits, targets = planted(rows, num_rows=6)
    found = assign(costs_of(logits, mask_logits, targets), targets.present)
    assert found[0, 0].tolist() == rows.tolist()


def test_the_cost_of_a_perfect_prediction_is_almost_only_its_class():
    logits, mask_logits, targets = planted(torch.tensor([0, 1, 2, 3]), num_rows=4)
    costs = costs_of(logits, mask_logits, targets)[0, 0]
    score = logits.softmax(-1)[0, 0, 0, 0]
    assert (costs.diagonal() + 2 * score).abs().max() < 1  # soft edges of the stride-4 mask
    assert costs[0, 1] > 10


def test_objects_that_are_not_wanted_take_no_row():
    logits, mask_logits, targets = planted(torch.tensor([0, 1, 2, 3]), num_rows=4)
    wanted = torch.tensor([[True, False, True, False]])
    found = assign(costs_of(logits, mask_logits, targets), wanted)
    assert found[0, 0].tolist() == [0, UNMATCHED, 2, UNMATCHED]


def test_where_rows_run_out_the_costliest_objects_go_without():
    costs = torch.tensor([[[[1.0, 5.0, 2.0], [4.0, 6.0, 1.0]]]])
    found = assign(costs, torch.ones(1, 3, dtype=torch.bool))
    assert found[0, 0].tolist() == [0, UNMATCHED, 1]


def test_numbers_that_are_not_finite_do_not_stop_the_matching():
    costs = torch.tensor([[[[float("nan"), 1.0], [0.0, float("inf")]]]])
    assert assign(costs, torch.ones(1, 2, dtype=torch.bool))[0, 0].tolist() == [1, 0]


def test_every_layer_is_matched_by_itself():
    one, two = torch.tensor([0, 1, 2, 3]), torch.tensor([3, 2, 1, 0])
    first, second = planted(one, 4), planted(two, 4)
    logits, masks = (torch.cat([first[part], second[part]]) for part in (0, 1))
    found = assign(costs_of(logits, masks, first[2]), first[2].present)
    assert found[:, 0].tolist() == [one.tolist(), two.tolist()]


def test_objects_of_rows_turns_the_assignment_around():
    rows = torch.tensor([[2, UNMATCHED, 0], [UNMATCHED, UNMATCHED, UNMATCHED]])
    objects = objects_of_rows(rows, num_rows=4)
    assert objects.tolist() == [[2, -1, 0, -1], [-1, -1, -1, -1]]
    assert objects_of_rows(objects, num_rows=3).tolist() == rows.tolist()
