"""Rows on their way through a clip: who carries which object, what is hidden from whom."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_train.training.matcher import UNMATCHED, MatchCost
from maskstream_train.training.padded_tracks import (
    PaddedTracks,
    compact,
    no_tracks,
    remember,
    with_anchors,
)
from maskstream_train.training.recipes import TrackerRecipe
from maskstream_train.training.rollout import Rollout
from support.squares import segmented_noise, squares
from support.tiny import tiny_model


@pytest.fixture(scope="module")
def model():
    return tiny_model(seed=3)


@pytest.fixture
def frames(model) -> list[SegmenterOutput]:
    return segmented_noise(model, 3)


KEEP_ALL = TrackerRecipe(keep_score_min=0.0, hold_share=1.0, drop_share=0.0, max_rows=64)


def run(model, frames, recipe, short=False):
    roll = Rollout(model.tracker, recipe, MatchCost(num_points=32), short)
    clip = squares(len(frames), flicker=True)
    generator = torch.Generator().manual_seed(1)
    return roll.run(frames, clip, model.segmenter.query_features, generator)


def carried(objects: torch.Tensor) -> list[int]:
    return sorted(int(item) for item in objects if item != UNMATCHED)


def test_every_visible_object_has_exactly_one_row_on_every_frame(model, frames):
    first, _ = run(model, frames, KEEP_ALL)
    assert [carried(rows.objects[1]) for rows in first] == [[0, 1, 2, 3]] * 3
    assert carried(first[0].objects[0]) == [0, 1, 2, 3]


def test_kept_rows_keep_their_objects_and_anchors_get_none_of_them(model, frames):
    first, _ = run(model, frames, KEEP_ALL)
    num_anchors = frames[0].embeddings.shape[1]
    for rows in first[1:]:
        assert carried(rows.objects[1, :-num_anchors]) == [0, 1, 2, 3]
        assert carried(rows.objects[1, -num_anchors:]) == []


def test_a_held_row_still_carries_an_object_that_cannot_be_seen(model, frames):
    first, _ = run(model, frames, KEEP_ALL)
    rows = first[1]
    assert carried(rows.objects[0]) == [0, 1, 2, 3]
    assert rows.visible[0].tolist() == [False, True, True, True]


def test_dropped_rows_leave_their_objects_to_the_anchors(model, frames):
    first, _ = run(model, frames, replace(KEEP_ALL, drop_share=1.0, keep_score_min=1.0))
    num_anchors = frames[0].embeddings.shape[1]
    for rows in first[1:]:
        assert rows.objects.shape[1] == num_anchors
        assert carried(rows.objects[1]) == [0, 1, 2, 3]


def test_stage_a_carries_half_of_the_matched_rows_on(model, frames):
    first, _ = run(model, frames[:2], KEEP_ALL, short=True)
    num_anchors = frames[0].embeddings.shape[1]
    assert first[1].objects.shape[1] - num_anchors == 2
    assert len(carried(first[1].objects[1, :-num_anchors])) == 2
    assert carried(first[1].objects[1]) == [0, 1, 2, 3]


def test_a_simulated_absence_is_hidden_from_tracker_two_alone(model, frames, monkeypatch):
    seen = []
    decode = model.tracker.decode_slots

    def spy(tracks, embeddings, query_features, blocked):
        seen.append(blocked)
        return decode(tracks, embeddings, query_features, blocked)

    monkeypatch.setattr(model.tracker, "decode_slots", spy)
    first, second = run(model, frames, KEEP_ALL)
    present = squares(3, flicker=True).present
    for number, (rows, slots, blocked) in enumerate(zip(first[1:], second, seen, strict=True), 1):
        assert torch.equal(rows.visible, present[:, number]), "tracker 1 sees all there is"
        gone = rows.visible & ~slots.visible
        assert (gone.sum(1) <= 1).all()
        assert torch.equal(blocked.any(1), gone.any(1))
    assert any(blocked.any() for blocked in seen)


def test_few_tracked_objects_never_disappear(model, frames):
    first, second = run(model, frames, replace(KEEP_ALL, min_tracked=4))
    for rows, slots in zip(first[1:], second, strict=True):
        assert torch.equal(rows.visible, slots.visible)


def test_background_rows_of_tracker_two_carry_nothing(model, frames):
    _, second = run(model, frames, KEEP_ALL)
    num_background = model.config.tracker.num_background
    assert (second[0].objects[:, -num_background:] == UNMATCHED).all()
    assert second[0].valid[:, -num_background:].all()


def test_a_clip_whose_tracks_are_all_gone_continues_with_anchors(model, frames):
    nobody = TrackerRecipe(keep_score_min=1.0, hold_share=0.0)
    first, second = run(model, frames, nobody)
    assert second[1].objects.shape[1] == model.config.tracker.num_background
    assert all(torch.isfinite(state).all() for rows in (*first, *second) for state in rows.states)


def rows_of(num_rows: int) -> PaddedTracks:
    tracks = no_tracks(1, 3, 4, torch.device("cpu"))
    features = torch.arange(num_rows, dtype=torch.float32).view(1, -1, 1).expand(-1, -1, 3)
    return with_anchors(tracks, features, torch.full((1, num_rows), UNMATCHED))


def test_where_room_is_short_rows_with_objects_go_before_high_scores():
    rows = rows_of(4)
    rows.objects[0, 1] = 7
    scores = torch.tensor([[0.9, 0.2, 0.8, 0.1]])
    kept, chosen = compact(rows, torch.ones(1, 4, dtype=torch.bool), scores, max_rows=2)
    assert chosen.tolist() == [[1, 0]]
    assert kept.objects.tolist() == [[7, UNMATCHED]]


def test_rows_that_are_not_kept_become_padding_without_objects():
    one, two = rows_of(3), rows_of(3)
    both = PaddedTracks(
        *(torch.cat([a, b]) for a, b in zip(vars(one).values(), vars(two).values(), strict=True))
    )
    both.objects[:] = torch.tensor([0, 1, 2])
    keep = torch.tensor([[True, True, True], [False, False, True]])
    kept, _ = compact(both, keep, torch.rand(2, 3), max_rows=9)
    assert kept.valid.tolist() == [[True] * 3, [True, False, False]]
    assert kept.objects[1].tolist() == [2, UNMATCHED, UNMATCHED]


def test_momentum_moves_only_where_a_row_was_seen_or_is_new():
    rows, first, second = rows_of(2), torch.ones(1, 2, 3), torch.full((1, 2, 3), 2.0)
    born = remember(rows, first, seen=torch.tensor([[True, False]]))
    assert torch.equal(born.positions, first)
    later = remember(born, second, seen=torch.tensor([[True, False]]))
    assert later.positions[0, 0, 0] == pytest.approx(2.0), "equal direction, so beta is 1"
    assert later.positions[0, 1, 0] == 1.0
    assert later.counts.tolist() == [[2, 1]]
