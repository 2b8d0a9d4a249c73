"""DVIS-DAQ and the baseline behind `port.Model`: what the port says is what the trackers say."""

import numpy as np
import pytest

from maskstream_model.daq.hungarian import OnlineHungarian
from maskstream_model.errors import FrameError, PromptError
from maskstream_model.network_model import rounds
from maskstream_model.port import Model, Prompt, SessionOptions, StepInput
from support.double_precision import double_precision
from support.running import run
from support.tiny import tiny_frames, tiny_model, tiny_panoptic_model

NUM_FRAMES = 9
NO_OPTIONS = SessionOptions()


@pytest.fixture(scope="module")
def frames():
    return tiny_frames(NUM_FRAMES, seed=2)


@pytest.fixture
def double_model():
    """For runs that differ in what is computed together."""
    model = tiny_model()
    with double_precision(model.segmenter, model.tracker):
        yield model


def stepped(model: Model, frames, state=None, options=NO_OPTIONS, pause=None):
    state = model.begin() if state is None else state
    (output,) = model.step([StepInput(frames, state, options)], pause)
    return output.results, output.state


def identities(results):
    return [
        (result.index, result.tracks.track_ids.tolist(), result.tracks.status.tolist())
        for result in results
    ]


def test_a_step_is_what_the_trackers_say(frames):
    model, state = tiny_model(), None
    outputs, _ = run(model, frames)
    for number, (frame, output) in enumerate(zip(frames, outputs, strict=True), 1):
        (result,), state = stepped(model, [frame], state)
        assert (result.index, result.final, model.committed(state)) == (number, True, number)
        tracks = result.tracks
        assert tracks.track_ids.tolist() == output.track_ids.tolist()
        assert tracks.status.tolist() == output.status.tolist()
        assert tracks.scores.tolist() == output.scores.tolist()
        assert tracks.ages.tolist() == output.ages.tolist()
        assert np.allclose(tracks.class_scores.max(1), tracks.scores)
        assert tracks.class_scores.argmax(1).tolist() == tracks.labels.tolist()
        crops = result.masks.crops(np.arange(len(tracks.track_ids)), (64, 96))
        whole = np.zeros((len(crops.bitmaps), 64, 96), bool)
        for mask, (x0, y0, x1, y1), bitmap in zip(whole, crops.boxes, crops.bitmaps, strict=True):
            mask[y0:y1, x0:x1] = bitmap
        assert (whole != output.masks(64, 96).numpy()).mean() < 1e-4


@pytest.mark.parametrize("cut", [2, 4, NUM_FRAMES])
def test_frames_of_one_session_may_step_together(double_model, frames, cut):
    model, state, results = double_model, None, []
    expected, end = stepped(model, frames[:1])
    for frame in frames[1:]:
        result, end = stepped(model, [frame], end)
        expected += result
    for first in range(0, NUM_FRAMES, cut):
        some, state = stepped(model, frames[first : first + cut], state)
        results += some
    assert identities(results) == identities(expected)


def test_sessions_of_different_lengths_and_limits_may_step_together(double_model, frames):
    model = double_model
    _, later = stepped(model, frames[:3])
    few = SessionOptions(max_tracks=1)
    batch = [
        StepInput(frames[3:6], later),
        StepInput(frames[:1], model.begin(few), few),
        StepInput(frames[:5], model.begin()),
    ]
    together = model.step(batch)
    for output, given in zip(together, batch, strict=True):
        (alone,) = model.step([given])
        assert identities(output.results) == identities(alone.results)
        assert output.state.num_frames == alone.state.num_frames
    assert together[1].state.num_tracks == 1
    assert together[1].results[0].num_refused > 0
    assert together[2].state.num_tracks > 1


def test_a_step_pauses_between_its_parts(frames):
    pauses = []
    stepped(tiny_model(), frames[:4], pause=lambda: pauses.append(1))
    assert len(pauses) == 3 + 4  # of the segmenter, and one after each frame


def test_rounds_take_one_frame_of_each_session():
    assert rounds([1, 1]) == [([0, 1], [0, 1])]
    assert rounds([3]) == [([0], [0]), ([0], [1]), ([0], [2])]
    assert rounds([1, 3, 2]) == [([0, 1, 2], [0, 1, 4]), ([1, 2], [2, 5]), ([1], [3])]


def test_the_facts_of_a_model_are_those_of_its_preset():
    model = tiny_model(report_score_min=0.4, show_score_min=0.5, min_size=32)
    info = model.info
    assert (info.name, info.family, info.task) == ("tiny", "dvis-daq", "instances")
    assert (info.prompts, info.lookahead, info.precision) == ("never", 0, "float32")
    assert (info.report_score_min, info.show_score_min) == (0.4, 0.5)
    assert info.input_rule == {"min_size": 32}
    assert info.classes == model.config.classes
    assert info.backbone == "resnet (basic)"
    assert tiny_panoptic_model().info.task == "panoptic"


def test_a_session_with_prompts_is_refused():
    with pytest.raises(PromptError, match="tiny takes no prompts"):
        tiny_model().begin(SessionOptions(prompts=(Prompt("a cat", 0),)))


def test_nothing_is_pending():
    model = tiny_model()
    _, state = stepped(model, tiny_frames(2))
    assert model.flush(state).results == []
    assert model.flush(state).state is state


def test_frames_of_one_padded_size_share_a_batch():
    model = tiny_model()
    assert model.batch_key(64, 96) == model.batch_key(50, 90) != model.batch_key(65, 96)
    with pytest.raises(FrameError, match="one padded size"):
        model.step([StepInput([frame], model.begin()) for frame in (A, B)])


A, B = np.zeros((64, 96, 3), np.uint8), np.zeros((65, 96, 3), np.uint8)


def test_large_frames_step_one_by_one():
    model = tiny_model()
    assert model.clip_frames(64, 96, most=9) == 5
    assert model.clip_frames(64, 96, most=2) == 2
    assert model.clip_frames(256, 512, most=9) == 2
    assert model.clip_frames(1080, 1920, most=9) == 1


def test_the_baseline_is_behind_the_port_too(frames):
    daq = tiny_model()
    model = OnlineHungarian(daq.config, daq.segmenter, daq.device, daq.fingerprint)
    whole, _ = stepped(model, frames)
    first, state = stepped(model, frames[:5])
    state = model.from_parts(model.to_parts(state))
    rest, _ = stepped(model, frames[5:], state)
    assert identities([*first, *rest]) == identities(whole)
    assert model.info.family == "hungarian"
    assert model.info.fingerprint != daq.info.fingerprint
