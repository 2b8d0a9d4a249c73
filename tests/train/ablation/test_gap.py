"""The transition gap on vectors done by hand, and on a tiny model's own rows."""

import math
from dataclasses import replace

import pytest
import torch

from maskstream_model.daq.padding import stack_tracks
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.preprocess import prepare
from maskstream_train.ablation.gap import (
    Step,
    disappearance_gaps,
    emergence_gaps,
    gap_between,
    overlaps,
)
from maskstream_train.evaluation.variants import daq_variant
from support.tiny import tiny_frames, tiny_model


@pytest.mark.parametrize(
    ("anchor", "target", "cosine", "distance"),
    [
        ([3.0, 4.0], [3.0, 4.0], 1.0, 0.0),
        ([1.0, 0.0], [0.0, 1.0], 0.0, math.sqrt(2) / 2),
        ([1.0, 0.0], [-2.0, 0.0], -1.0, 1.0),
        ([3.0, 0.0], [0.0, 4.0], 0.0, 5 / 7),
        ([0.0, 0.0], [0.0, 0.0], 0.0, 0.0),
    ],
)
def test_gaps_of_vectors_done_by_hand(anchor, target, cosine, distance):
    gap = gap_between(torch.tensor(anchor), torch.tensor(target))
    assert gap.cosine == pytest.approx(cosine)
    assert gap.distance == pytest.approx(distance)


def test_the_papers_two_columns_agree_under_this_distance():
    for cosine, distance in ((0.08, 0.68), (0.32, 0.59)):
        target = torch.tensor([cosine, math.sqrt(1 - cosine**2)])
        gap = gap_between(torch.tensor([1.0, 0.0]), target)
        assert gap.distance == pytest.approx(distance, abs=0.01)


def test_overlaps_of_masks_done_by_hand():
    one = torch.tensor([[[1, 1], [0, 0]], [[0, 0], [0, 0]]], dtype=torch.bool)
    other = torch.tensor([[[1, 0], [1, 0]]], dtype=torch.bool)
    assert overlaps(one, other).tolist() == [[pytest.approx(1 / 3)], [0.0]]


@pytest.fixture(scope="module")
def model():
    return tiny_model(seed=3)


def steps_of(model, num_frames=8):
    """Return the steps of a short video, and what the model showed after each."""
    state, shown, steps = model.begin(), torch.zeros(0, 16, 24), []
    for frame in tiny_frames(num_frames):
        prepared = prepare([frame], model.config.online, model.device)
        with torch.no_grad():
            segmented = model.segmenter(prepared.images)
        outputs, states = model.track(segmented, [state], prepared.resized)
        steps.append((Step(state, segmented, shown > 0), outputs[0]))
        state, shown = states[0], outputs[0].mask_logits[: states[0].num_tracks]
    return steps


def test_what_a_newborn_track_shows_is_the_end_of_an_anchors_way(model):
    found = 0
    for step, output in steps_of(model)[1:]:
        born = output.status == TrackStatus.EMERGED
        masks = output.mask_logits[born] > 0
        masks = masks[masks.flatten(1).any(1)]
        found += len(masks)
        gaps = emergence_gaps(model, step, masks)
        assert len(gaps) == len(masks)
        assert all(-1 <= gap.cosine <= 1 and 0 <= gap.distance <= 1 for gap in gaps)
    assert found > 0


def test_an_object_that_no_anchor_finds_has_no_gap(model):
    step, _ = steps_of(model, 2)[1]
    assert emergence_gaps(model, step, torch.zeros(1, 16, 24, dtype=torch.bool)) == []


def test_only_missed_tracks_have_a_gap_to_the_background(model):
    seen = missed = 0
    for step, output in steps_of(model)[1:]:
        for row, status in enumerate(output.status[: step.state.num_tracks]):
            if status == TrackStatus.DISAPPEARED or not step.masks[row].any():
                continue
            gaps = disappearance_gaps(model, step, step.masks[row : row + 1])
            assert status == TrackStatus.MISSED or len(gaps) <= 1
            seen += int(status == TrackStatus.TRACKED)
            missed += int(status == TrackStatus.MISSED and len(gaps) == 1)
    assert seen > 0
    assert missed > 0


def test_without_tracker_two_the_tracked_query_is_the_anchor(model):
    alone = daq_variant(model, {"keep_score_min": None, "tracked_score_min": 1.0})
    step = next(step for step, _ in steps_of(model)[1:] if step.state.num_tracks)
    row = int(step.masks.flatten(1).any(1).nonzero()[0, 0])
    mine = step.masks[row : row + 1]
    step = replace(step, masks=step.masks & (overlaps(step.masks, mine) == 1)[..., None])
    gap = disappearance_gaps(alone, step, mine)[0]
    frame = step.frame
    with torch.no_grad():
        appearances = model.tracker.pool_appearance(frame.mask_logits, frame.mask_features)
        start = step.state.queries[row] + step.state.positions[row]
        ends = model.tracker.decode(stack_tracks([step.state]), frame.embeddings, appearances)[-1]
    assert gap == gap_between(start, ends[0, row])
