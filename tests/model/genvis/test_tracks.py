"""How slots become tracks, frame by frame of a clip."""

import numpy as np
import pytest
import torch

from maskstream_model.genvis.state import WaitingFrame
from maskstream_model.genvis.tracks import SlotReadout, follow
from maskstream_model.port import TrackStatus
from support.genvis import tiny_genvis

EMERGED, TRACKED, MISSED, DISAPPEARED = TrackStatus


@pytest.fixture(scope="module")
def model():
    return tiny_genvis(clip_frames=3, max_missed_frames=2)


def frame(max_tracks=None):
    """A frame whose left half is above 0 in the first channel, by 2, and whose right is below."""
    features = torch.zeros(32, 16, 24)
    features[0, :, :12], features[0, :, 12:] = 2.0, -2.0
    return WaitingFrame(torch.zeros(8, 32), features, (64, 96), (64, 96), max_tracks)


def readout(scores):
    """Slots by their number with a score for class 1; masks are the first channel."""
    probabilities, embeddings = torch.zeros(8, 4), torch.zeros(8, 32)
    for slot, score in scores.items():
        probabilities[slot, 1] = score
    embeddings[:, 0] = 1.0
    return SlotReadout(probabilities, embeddings)


def clip(model, state, scores, max_tracks=None):
    """Follow three frames; returns their rows as (id, status, age), and the state."""
    listed = []
    for _ in range(3):
        result, state = follow(readout(scores), frame(max_tracks), state, model.config)
        table = result.tracks
        columns = (table.track_ids, table.status, table.ages)
        listed.append(list(zip(*(column.tolist() for column in columns), strict=True)))
    return listed, result, state


def test_a_track_emerges_on_the_first_frame_of_its_clip(model):
    listed, _, _ = clip(model, model.begin(), {2: 0.9})
    assert listed == [[(3, EMERGED, 1)], [(3, TRACKED, 2)], [(3, TRACKED, 3)]]


def test_a_clip_without_a_track_misses_it_frame_by_frame(model):
    _, _, state = clip(model, model.begin(), {2: 0.9})
    listed, result, state = clip(model, state, {})
    assert listed == [[(3, MISSED, 4)], [(3, DISAPPEARED, 5)], []]
    assert len(result.tracks.scores) == 0
    assert not state.best.any()
    assert not state.sums.any()
    listed, _, _ = clip(model, state, {2: 0.9})
    assert listed[0] == [(3 + 8, EMERGED, 1)]


def test_a_score_is_the_best_probability_times_the_masks_confidence(model):
    _, first, state = clip(model, model.begin(), {2: 0.9})
    _, second, _ = clip(model, state, {2: 0.65})
    resize = torch.nn.functional.interpolate
    whole = resize(frame().mask_features[None, :1], (64, 96), mode="bilinear")[0, 0]
    confidence = float(whole[whole > 0].sigmoid().mean())
    for result in (first, second):
        assert result.tracks.labels.tolist() == [1]
        assert result.tracks.scores == pytest.approx([0.9 * confidence], abs=1e-6)
        assert result.tracks.class_scores.argmax() == 1
    crops = second.masks.crops(np.array([0]), (64, 96))
    assert crops.boxes.tolist() == [[0, 0, 48, 64]]


def test_each_frame_brings_its_own_limit_of_tracks(model):
    state = model.begin()
    _, state = follow(readout({1: 0.9, 2: 0.8}), frame(max_tracks=1), state, model.config)
    assert state.living.nonzero().tolist() == [[1]]
    result, state = follow(readout({1: 0.9, 2: 0.8}), frame(max_tracks=1), state, model.config)
    assert result.num_refused == 1
    _, state = follow(readout({1: 0.9, 2: 0.8}), frame(), state, model.config)
    assert state.living.nonzero().tolist() == [[1], [2]]
