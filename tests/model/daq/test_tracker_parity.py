"""The two trackers against the reference, network by network, on recorded inputs.

Weights, inputs and outputs are those of the case r50_ovis_96x160;
its own runs with 1 and 2 threads differ by 1e-5 to 2e-4.
"""

import numpy as np
import pytest
import torch

from maskstream_model.daq.disappearance import match_queries
from maskstream_model.daq.tracker import TrackedQueries
from support.runs import difference
from support.ties import ON_ZERO, turn_ties
from support.tracker_outputs import first_frame, later_frame

VALUES, MASK_LOGITS = 1e-4, 2e-4
HALF = 1e-3


def assert_near(ours, recorded, tolerance=VALUES):
    ours, half = ours.detach().numpy(), recorded.dtype == np.float16
    recorded = recorded.astype(np.float32)
    assert ours.shape == recorded.shape
    assert (np.abs(ours - recorded) <= tolerance + (HALF * np.abs(recorded) if half else 0)).all()


@pytest.fixture(scope="module")
def tracker(recorded):
    with torch.no_grad():
        yield recorded.tracker("daq_r50_ovis")


def tracks_before(recorded, time):
    before = recorded.frame(time - 1)
    return TrackedQueries(
        torch.from_numpy(before["track_queries"])[None],
        torch.from_numpy(before["track_pos"])[None],
    )


def test_the_first_frame_refines_segment_queries(recorded, tracker):
    frame, expected = recorded.segmented(0), recorded.frame(0)
    output = first_frame(tracker, frame.embeddings, frame.mask_features, all_layers=True)
    assert_near(output.embeddings[0], expected["cand_embeds"])
    assert_near(output.logits[0], expected["cand_logits"])
    appearances = tracker.pool_appearance(output.mask_logits, frame.mask_features)
    assert_near(appearances[0], expected["cand_pos"])
    assert len(output.layers) == len(expected["layer_embeds"]) == 7
    states = tracker.decode_first(frame.embeddings)
    assert_near(torch.cat(states), expected["layer_embeds"])


@pytest.mark.parametrize("time", range(1, 10))
def test_later_frames_give_the_recorded_candidates(recorded, tracker, time):
    frame, expected = recorded.segmented(time), recorded.frame(time)
    query_features = recorded.reference.segmenter("daq_r50_ovis").query_features
    output = later_frame(tracker, tracks_before(recorded, time), frame, query_features)
    assert_near(output.embeddings[0], expected["cand_embeds"])
    assert_near(output.logits[0], expected["cand_logits"])
    assert_near(output.mask_logits[0, expected["alive_rows"]], expected["alive_masks"], MASK_LOGITS)
    num_tracks = int(expected["n_track_queries"][0])
    assert_near(output.keep_logits[0], expected["slot_logits"][:num_tracks])
    # A pixel at the edge of what is counted may be counted or not.
    distances, counted = output.mask_logits.abs(), int(expected["n_mask_pixels_near_zero"][0])
    assert (distances < 1e-3 - ON_ZERO).sum() <= counted <= (distances < 1e-3 + ON_ZERO).sum()


@pytest.mark.parametrize("time", range(1, 10))
def test_anchors_and_candidates_are_pooled_as_recorded(recorded, tracker, time):
    frame, expected = recorded.segmented(time), recorded.frame(time)

    def pooled():
        anchors = tracker.pool_appearance(frame.mask_logits, frame.mask_features)
        states = tracker.decode(tracks_before(recorded, time), frame.embeddings, anchors)
        masks = tracker.segment(states[-1], frame.mask_features)
        return anchors[0], tracker.pool_appearance(masks, frame.mask_features)[0]

    def missed(positions):
        return max(
            difference(positions[0], expected["frame_queries_pos"]),
            difference(positions[1], expected["cand_pos"]),
        )

    (anchors, candidates), _ = turn_ties(pooled, missed)
    assert_near(anchors, expected["frame_queries_pos"])
    assert_near(candidates, expected["cand_pos"])


@pytest.mark.parametrize("time", range(1, 10))
def test_disappearance_anchors_start_from_the_recorded_queries(recorded, tracker, time):
    frame, expected = recorded.segmented(time), recorded.frame(time)
    tracked = tracks_before(recorded, time)
    query_features = recorded.reference.segmenter("daq_r50_ovis").query_features
    rows = torch.cat([tracked.features, tracker.bg_slots.weight[None]], 1)
    matches = match_queries(rows, query_features)[0].numpy()
    np.testing.assert_array_equal(matches, expected["slot_query_match"])
    slots = tracker.decode_slots(tracked, frame.embeddings, query_features)
    assert_near(slots[-1][0], expected["slot_feats"])
    assert_near(tracker.classify(slots[-1])[0], expected["slot_logits"])


def test_parameter_names_are_the_released_ones(recorded, tracker):
    released = recorded.reference.shapes("daq_r50_ovis")
    ours = {f"tracker.{name}": tuple(t.shape) for name, t in tracker.state_dict().items()}
    assert ours == {k: v for k, v in released.items() if k.startswith("tracker.")}
