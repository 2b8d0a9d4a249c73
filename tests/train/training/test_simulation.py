"""Emergence and disappearance are simulated on the right rows and queries."""

import pytest
import torch

from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.simulation import (
    chance,
    draw_disappearing,
    hidden_queries,
    hide_over_time,
    keep_above,
    keep_better_half,
    shown_objects,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_stage_a_drops_the_weaker_half_of_matched_rows_rounded_down():
    scores = torch.tensor([[0.9, 0.1, 0.5, 0.7, 0.3, 0.99]])
    matched = torch.tensor([[True, True, True, True, True, False]])
    keep = keep_better_half(scores, matched)
    assert keep.tolist() == [[True, False, True, True, False, False]]


def test_stage_a_keeps_a_single_matched_row():
    keep = keep_better_half(torch.tensor([[0.01, 0.9]]), torch.tensor([[True, False]]))
    assert keep.tolist() == [[True, False]]


def test_stage_a_counts_each_clip_by_itself():
    scores, matched = torch.rand(3, 8), torch.zeros(3, 8, dtype=torch.bool)
    matched[0, :4], matched[1, :7] = True, True
    assert keep_better_half(scores, matched).sum(1).tolist() == [2, 4, 0]


def test_stage_b_keeps_rows_strictly_above_the_threshold():
    keep = keep_above(torch.tensor([[0.1, 0.25, 0.5]]), 0.25)
    assert keep.tolist() == [[False, False, True]]


def test_nothing_disappears_where_few_objects_are_tracked():
    objects = torch.tensor([[0, 1, 2, UNMATCHED], [0, 1, 2, 3]])
    gone = draw_disappearing(objects, 3, generator())
    assert gone[0] == UNMATCHED
    assert gone[1] in (0, 1, 2, 3)


def test_every_tracked_object_may_disappear_and_no_other():
    objects = torch.tensor([[4, UNMATCHED, 1, 6, 2]])
    drawn = {int(draw_disappearing(objects, 3, generator(seed))) for seed in range(60)}
    assert drawn == {1, 2, 4, 6}


def test_nothing_disappears_without_tracks():
    nobody = torch.zeros(2, 0, dtype=torch.int64)
    assert draw_disappearing(nobody, 0, generator()).tolist() == [UNMATCHED, UNMATCHED]


def test_queries_show_their_match_or_else_the_cheapest_object():
    costs = torch.tensor([[[0.0, 9.0, 5.0], [1.0, 2.0, -3.0], [4.0, 1.0, 0.0], [0.0, 1.0, 2.0]]])
    rows = torch.tensor([[UNMATCHED, 0, UNMATCHED]])
    present = torch.tensor([[True, True, False]])
    likely = torch.tensor([[True, True, True, False]])
    shown = shown_objects(costs, rows, present, likely)
    assert shown.tolist() == [[1, 0, 1, UNMATCHED]]


def test_no_query_shows_anything_on_an_empty_frame():
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    rows = torch.full((1, 2), UNMATCHED)
    shown = shown_objects(torch.zeros(1, 3, 2), rows, nothing, torch.ones(1, 3, dtype=torch.bool))
    assert shown.tolist() == [[UNMATCHED] * 3]


def test_all_queries_that_show_the_gone_object_are_hidden():
    shown = torch.tensor([[2, 0, 2, UNMATCHED], [2, 0, 2, UNMATCHED]])
    hidden = hidden_queries(shown, torch.tensor([2, UNMATCHED]))
    assert hidden.tolist() == [[True, False, True, False], [False] * 4]


def test_chance_is_a_share():
    assert chance((10_000,), 0.3, generator()).float().mean().sub(0.3).abs() < 0.02
    assert not chance((100,), 0.0, generator()).any()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("off", [UNMATCHED, UNMATCHED, UNMATCHED]),
        ("one", [5, UNMATCHED, UNMATCHED]),
        ("continuous", [5, 2, UNMATCHED]),
        ("random", [5, 3, UNMATCHED]),
    ],
)
def test_choices_of_frames_follow_table_3d(choice, expected):
    drawn = torch.tensor([5, 3, UNMATCHED])
    before = torch.tensor([UNMATCHED, 2, UNMATCHED])
    its_turn = torch.tensor([True, False, True])
    assert hide_over_time(choice, drawn, before, its_turn).tolist() == expected
