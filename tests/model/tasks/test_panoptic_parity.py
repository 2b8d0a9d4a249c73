"""Panoptic and semantic segmentation of whole clips, against the reference's recordings.

First the post-processing alone on recorded inputs, then our whole model on the clips.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_model.daq.presets import preset
from maskstream_model.tasks.instances import clip_tracks
from maskstream_model.tasks.panoptic import panoptic_clip, panoptic_video
from maskstream_model.tasks.panoptic_online import panoptic_frame
from maskstream_model.tasks.probabilities import Placement
from maskstream_model.tasks.semantic import class_map, semantic_frame
from support.clip_results import semantic_video
from support.recorded import assert_events
from support.runs import Case, difference

UNIT = "postproc_unit"
SIZE = (64, 96)
PLACEMENT = Placement((64, 96), (60, 90), (75, 110))
LONG = Case(
    "r50_vipseg_64x96",
    "clip_64x96_26f",
    8,
    variant="daq_r50_vipseg",
    online=(
        ("first_frame_score_min", 0.1),
        ("tracked_score_min", 0.85),
        ("emergence_score_min", 0.85),
    ),
)
SHORT = Case("r50_vipseg_2f_64x96", "clip_64x96_26f", 2, variant="daq_r50_vipseg")
RESULTS = [
    (SHORT, "result"),
    (LONG, "result_default_object_thresholds"),
    (LONG, "result_obj0.05_ov0"),
    (LONG, "result_obj0.15_ov0.3"),
    (LONG, "result_obj0.3_ov0.8"),
]


def rules(object_score_min, overlap_min):
    config = preset("daq_r50_vipseg")
    online = config.online.override(object_score_min=object_score_min, overlap_min=overlap_min)
    return replace(config, online=online)


def rules_of(expected):
    """The model with the thresholds of a recording; those of the preset where it has none."""
    names = ("object_mask_threshold", "overlap_threshold")
    return rules(*(expected[name].item() if name in expected else 0.8 for name in names))


def assert_segments(video, expected, track_ids):
    """Every segment is the recorded one, and every pixel."""
    assert [segment.id for segment in video.segments] == expected["seg_id"].tolist()
    assert [segment.label for segment in video.segments] == expected["seg_category"].tolist()
    assert [segment.thing for segment in video.segments] == expected["seg_isthing"].tolist()
    rows = torch.from_numpy(expected["seg_seq_index"])
    assert [segment.track_id for segment in video.segments] == track_ids[rows].tolist()
    np.testing.assert_array_equal(video.segment_map, expected["panoptic"])


@pytest.fixture
def inputs(reference):
    arrays = reference.golden(UNIT, "inputs")
    return torch.from_numpy(arrays["pred_cls"]), torch.from_numpy(arrays["pred_masks"])


@pytest.mark.parametrize(("score", "overlap"), [("0.3", "0"), ("0.5", "0.3"), ("0.8", "0.8")])
def test_the_panoptic_post_processing_is_the_references(reference, inputs, score, overlap):
    expected = reference.golden(UNIT, f"vps_obj{score}_ov{overlap}")
    logits, masks = inputs
    track_ids = torch.arange(len(logits)) + 1
    frames = ((masks[:, time], PLACEMENT) for time in range(masks.shape[1]))
    video = panoptic_clip(track_ids, logits, frames, rules(float(score), float(overlap)))
    assert_segments(video, expected, track_ids)


def test_the_semantic_post_processing_is_the_references(reference, inputs):
    logits, masks = inputs
    ours = [class_map(logits, masks[:, time], PLACEMENT) for time in range(masks.shape[1])]
    np.testing.assert_array_equal(torch.stack(ours), reference.golden(UNIT, "vss")["semseg"])


@pytest.mark.parametrize("case", [SHORT, LONG], ids=lambda case: case.name)
def test_ids_births_deaths_and_visibility_are_exact(recorded, runs, case):
    for time, step in enumerate(runs.run(case).steps):
        assert_events(step.output, step.state, recorded.frame(time, case.name))


@pytest.mark.parametrize(("case", "name"), RESULTS, ids=[name for _, name in RESULTS])
def test_the_segments_of_a_clip_are_the_recorded_ones(recorded, runs, case, name):
    expected, outputs = recorded.reference.golden(case.name, name), runs.run(case).outputs
    size = tuple(expected["image_size"].tolist())
    tracks = clip_tracks(outputs)
    video = panoptic_video(outputs, size, rules_of(expected))
    assert_segments(video, expected, tracks.track_ids)
    if "seq_mean_logits" in expected:
        assert difference(tracks.mean_logits, expected["seq_mean_logits"]) < case.values
        np.testing.assert_array_equal(~tracks.stored, expected["padding_masks"])


def test_the_classes_of_a_clip_are_the_recorded_ones(recorded, runs):
    expected = recorded.reference.golden(LONG.name, "result_as_vss")
    ours = semantic_video(runs.run(LONG).outputs, tuple(expected["image_size"].tolist()))
    np.testing.assert_array_equal(ours, expected["semseg"])


def pixels_of(picture, segments):
    """What a pixel shows: the track of a thing, the class of stuff, or nothing."""
    shows = {0: 0} | {s.id: s.track_id if s.thing else -1 - s.label for s in segments}
    return np.vectorize(shows.get)(picture.numpy())


def differing(outputs, config):
    """Pixels `(T, height, width)` in which a stream's picture differs from the clip's."""
    frames = [panoptic_frame(output, SIZE, config) for output in outputs]
    online = np.stack([pixels_of(frame.segment_map, frame.segments) for frame in frames])
    video = panoptic_video(outputs, SIZE, config)
    return online != pixels_of(video.segment_map, video.segments)


@pytest.mark.parametrize(
    ("case", "thresholds", "num_pixels", "on_the_last_frame"),
    [
        (SHORT, (0.05, 0.3), 5078, 243),
        (LONG, (0.8, 0.8), 14445, 0),
        (LONG, (0.05, 0), 29534, 0),
        (LONG, (0.15, 0.3), 22906, 579),
        (LONG, (0.3, 0.8), 11890, 2),
    ],
)
def test_a_stream_differs_from_the_clip_as_decision_7_explains(
    runs, case, thresholds, num_pixels, on_the_last_frame
):
    pixels = differing(runs.run(case).outputs, rules(*thresholds))
    assert pixels.sum() == pytest.approx(num_pixels, abs=50)
    assert pixels[-1].sum() == pytest.approx(on_the_last_frame, abs=20)


def test_a_semantic_stream_differs_from_the_clip_as_decision_7_explains(runs):
    outputs = runs.run(LONG).outputs
    online = torch.stack([semantic_frame(output, SIZE) for output in outputs])
    pixels = online != semantic_video(outputs, SIZE)
    assert pixels.sum().item() == pytest.approx(5700, abs=50)
    assert not pixels[-1].any()
