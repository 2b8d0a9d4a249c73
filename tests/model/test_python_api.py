"""The Python API as the README prints it, on files as they were released.

The released weights are not here: a file with their names, shapes and layout is made up.
"""

import json

import numpy as np
import pytest
import torch

from maskstream_model import load_model
from maskstream_model.daq.presets import preset
from maskstream_model.errors import CheckpointError, ConfigError, FrameError, StateError
from maskstream_model.port import StepInput, TrackStatus
from maskstream_model.video import segment_video
from support.running import assert_same, run
from support.tiny import tiny_frames, tiny_model

RELEASED = {
    "daq_r50_ovis": "DAQ_Online_R50_ovis.json",
    "daq_r50_ytvis21": "DAQ_Online_R50_ytvis21.json",
    "daq_r50_ovis_offline": "DAQ_Offline_R50_ovis.json",
}
CRITERION = "daq_criterion.empty_weight"


@pytest.fixture
def released(reference, tmp_path):
    """Writes a `.pth` of a preset as its authors do; returns its path, for one test."""
    path = tmp_path / "released.pth"

    def write(name, change=lambda weights: None):
        keys = json.loads((reference.folder / "keys" / RELEASED[name]).read_text())
        weights = {**reference.weights(name)}
        weights[CRITERION] = torch.ones(*keys[CRITERION][0])
        assert set(weights) == set(keys)
        change(weights)
        torch.save({"model": weights, "iteration": 159999}, path)
        return path

    yield write
    # A quarter of a gigabyte that pytest would keep.
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def test_a_released_file_segments_frames(released, reference):
    frame, after = reference.clip("clip_64x96_26f")[:2]
    model = load_model("daq_r50_ovis", weights=released("daq_r50_ovis"), min_size=64)
    (output,) = model.step([StepInput([frame], model.begin())])
    (result,) = output.results
    num = len(result.tracks.track_ids)
    assert num > 0
    assert result.tracks.track_ids.tolist() == list(range(1, num + 1))
    assert result.tracks.status.tolist() == [0] * num
    assert result.tracks.scores.shape == result.tracks.labels.shape == (num,)
    assert result.tracks.class_scores.shape == (num, 25)
    masks = result.masks.crops(np.arange(num), (130, 200)).whole()
    assert (masks.shape, masks.dtype) == ((num, 130, 200), bool)
    state = model.from_parts(model.to_parts(output.state))
    later, other = model.step([StepInput([after], state), StepInput([frame], model.begin())])
    assert later.results[0].tracks.track_ids[:num].tolist() == list(range(1, num + 1))
    assert other.results[0].tracks.track_ids.tolist() == list(range(1, num + 1))


@pytest.mark.slow
def test_a_released_offline_file_refines_a_video(released, reference):
    frames = iter(reference.clip("clip_64x96_26f")[:4])
    path = released("daq_r50_ovis_offline")
    model = load_model("daq_r50_ovis_offline", path, min_size=64, window=3, overlap=1)
    results = list(segment_video(model, frames))
    assert [result.index for result in results] == [1, 2, 3, 4]
    tracks = results[-1].tracks
    assert len(tracks.track_ids) >= 20 > 0
    assert model.info.classes[tracks.labels[0]].name
    crops = results[-1].masks.crops(np.arange(len(tracks.track_ids)), (130, 200))
    assert crops.whole().shape == (len(tracks.track_ids), 130, 200)
    assert crops.whole().sum((1, 2)).tolist() == crops.areas.tolist()
    with pytest.raises(CheckpointError, match=r"unexpected: refiner\.activation_proj\.bias"):
        load_model("daq_r50_ovis", path)


@pytest.mark.slow
def test_the_other_released_files_load_with_all_of_their_weights(released, reference):
    weights = reference.weights("daq_r50_ytvis21")
    assert reference.shapes("daq_r50_ytvis19") == reference.shapes("daq_r50_ytvis21")
    path = released("daq_r50_ytvis21")
    for name in ("daq_r50_ytvis19", "daq_r50_ytvis21"):
        model = load_model(name, path)
        tracker = {f"tracker.{key}": value for key, value in model.tracker.state_dict().items()}
        ours = {**model.segmenter.state_dict(), **tracker}
        assert set(ours) == set(weights)
        assert all(torch.equal(ours[key], value) for key, value in weights.items())


def test_a_released_file_of_another_data_set_is_refused_by_shape(released):
    with pytest.raises(CheckpointError, match=r"of another shape: .*class_embed") as caught:
        load_model("daq_r50_ytvis19", released("daq_r50_ovis"))
    assert "(26, 256) instead of (41, 256)" in str(caught.value)


def test_names_that_do_not_fit_are_all_listed(released):
    def change(weights):
        del weights["tracker.bg_slots.weight"]
        weights["refiner.decoder_norm.weight"] = torch.zeros(256)
        weights["tracker.decoder_norm.bias"] = torch.zeros(7)

    with pytest.raises(CheckpointError) as caught:
        load_model("daq_r50_ovis", released("daq_r50_ovis", change))
    text = str(caught.value)
    assert "missing: tracker.bg_slots.weight" in text
    assert "unexpected: refiner.decoder_norm.weight" in text
    assert "tracker.decoder_norm.bias is (7,) instead of (256,)" in text
    assert "daq_criterion" not in text


def test_overrides_are_fields_of_the_configuration():
    model = load_model("demo", "random", min_size=None, max_missed_frames=3)
    assert model.config.online == preset("demo").online.override(min_size=None, max_missed_frames=3)
    assert model.batch_key(100, 40) == (128, 64)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"max_misses": 3}, "unknown override max_misses"),
        ({"max_missed_frames": None}, "max_missed_frames must be a number"),
        ({"max_missed_frames": 2.5}, "max_missed_frames must be a whole number"),
        ({"max_missed_frames": True}, "max_missed_frames must be a number"),
        ({"min_size": "480"}, "min_size must be a number"),
        ({"min_size": 0}, "min_size must be a whole number of at least 1"),
        ({"tracked_score_min": float("nan")}, "tracked_score_min must lie between 0 and 1"),
        ({"keep_score_min": -0.1}, "keep_score_min must lie between 0 and 1"),
        ({"segmenter": None}, "unknown override segmenter"),
    ],
)
def test_overrides_are_checked(overrides, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_model("demo", weights="random", **overrides)


def test_a_disappeared_track_has_zeros_and_is_not_listed_again(model):
    outputs, _ = run(model, tiny_frames(14, seed=1))
    gone = [
        (time, int(track_id))
        for time, output in enumerate(outputs)
        for track_id in output.track_ids[output.status == TrackStatus.DISAPPEARED]
    ]
    assert gone
    for time, track_id in gone:
        row = outputs[time].track_ids.tolist().index(track_id)
        assert not outputs[time].logits[row].any()
        assert not outputs[time].mask_logits[row].any()
        assert all(track_id not in later.track_ids.tolist() for later in outputs[time + 1 :])


def test_a_picture_that_changes_its_size_keeps_its_identities(model):
    clip = tiny_frames(8, seed=1)
    sizes = [(64, 96), (64, 96), (96, 64), (33, 200), (7, 40), (64, 96), (40, 40), (64, 96)]
    state, before = model.begin(), []
    for frame, size in zip(clip, sizes, strict=True):
        changed = np.resize(frame, (*size, 3))
        output, state = model.track_frame(changed, state)
        assert set(before) <= set(output.track_ids.tolist())
        assert output.resized == size
        assert output.masks(*size).shape == (len(output.track_ids), *size)
        before = state.track_ids.tolist()
    assert state.num_frames == 8
    assert before


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_slivers_are_segmented_too(size):
    rules = {"first_frame_score_min": 0.0, "emergence_score_min": 1.0, "double_iou_max": None}
    demo = load_model("demo", "random", min_size=None, **rules)
    frame = np.full((*size, 3), 200, np.uint8)
    output, state = demo.track_frame(frame, demo.begin())
    output, _ = demo.track_frame(frame, state)
    assert len(output.track_ids) == 24
    assert output.logits.isfinite().all()
    assert output.masks(*size).shape == (24, *size)


def test_a_frame_without_tracks_has_no_masks():
    nobody = tiny_model(first_frame_score_min=1.0)
    output, state = nobody.track_frame(tiny_frames(1)[0], nobody.begin())
    assert output.masks(50, 70).shape == (0, 50, 70)
    assert output.resized_logits(50, 70).shape == (0, 50, 70)
    assert output.mask_logits.shape == (0, 16, 24)
    assert (len(output.scores), len(output.labels), state.num_tracks) == (0, 0, 0)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((64, 96), np.uint8),
        np.zeros((64, 96, 3), np.int64),
        np.zeros((64, 0, 3), np.uint8),
        np.broadcast_to(np.uint8(0), (50_000, 50_000, 3)),
        b"\xff\xd8",
    ],
    ids=["gray", "int64", "empty", "huge", "bytes"],
)
def test_what_is_no_frame_is_refused_and_the_state_lives_on(model, frame):
    picture = tiny_frames(2, seed=1)
    _, state = model.track_frame(picture[0], model.begin())
    with pytest.raises(FrameError, match=r"^a frame must "):
        model.track_frame(frame, state)
    expected, _ = run(model, picture)
    assert_same(model.track_frame(picture[1], state)[0], expected[1])


def test_a_frame_need_not_be_contiguous(model):
    frame = tiny_frames(1, seed=1)[0]
    wide = np.zeros((128, 192, 3), np.uint8)
    wide[::2, ::2] = frame
    ours, _ = model.track_frame(wide[::2, ::2], model.begin())
    theirs, _ = model.track_frame(frame, model.begin())
    assert_same(ours, theirs)


def test_a_state_of_another_model_is_refused(model):
    _, state = model.track_frame(tiny_frames(1)[0], model.begin())
    blob = model.to_parts(state)
    with pytest.raises(StateError, match="belongs to model"):
        tiny_model(seed=1).from_parts(blob)
