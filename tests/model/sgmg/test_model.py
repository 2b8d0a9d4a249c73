"""Chunks and texts: what shares a backbone, what is judged alone, and what is refused."""

import numpy as np
import pytest

from maskstream_model.conformance.case import seen
from maskstream_model.errors import ConfigError, FrameError, PromptError
from maskstream_model.port import Prompt, SessionOptions, StepInput, TrackStatus
from support.sgmg import PROMPTS, tiny_config, tiny_model
from support.tiny import tiny_frames

FRAMES = tiny_frames(8, seed=1)
CAR, DOG = PROMPTS.prompts


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def run(model, *parts):
    """Step (frames, prompts) one after the other, flush, and return the results as plain values."""
    options = SessionOptions(prompts=parts[0][1])
    state, results = model.begin(options), []
    for frames, prompts in parts:
        options = SessionOptions(prompts=prompts)
        (output,) = model.step([StepInput(frames, state, options)])
        results, state = [*results, *output.results], output.state
    return seen(model, [*results, *model.flush(state, options).results])


def of(results, label):
    """What results say of one text: status, age, score and mask of each frame."""
    found = []
    for result in results:
        for row, (_, known, status, age) in enumerate(result.facts):
            if known == label:
                found.append((status, age, result.scores[row], result.masks[row].tobytes()))
    return found


def test_several_texts_find_what_each_finds_alone_to_the_bit(model):
    both = run(model, (FRAMES, (CAR, DOG)))
    for prompt in (CAR, DOG):
        alone = run(model, (FRAMES, (prompt,)))
        assert of(alone, prompt.class_id) == of(both, prompt.class_id)
        assert len(of(alone, prompt.class_id)) == len(FRAMES)


def test_a_chunk_is_answered_when_it_is_full(model):
    state, counts = model.begin(PROMPTS), []
    for frame in FRAMES:
        (output,) = model.step([StepInput([frame], state, PROMPTS)])
        state = output.state
        counts.append(len(output.results))
    assert counts == [0, 0, 0, 4, 0, 0, 0, 4]
    assert model.info.lookahead == 3


def test_the_backbone_looks_at_full_chunks_of_several_sessions_at_once(model, monkeypatch):
    looks, look = [], model.network.look

    def counted(images, resized, clips, pause):
        looks.append((len(images), clips))
        return look(images, resized, clips, pause)

    monkeypatch.setattr(model.network, "look", counted)
    others = SessionOptions(prompts=(DOG,))
    inputs = [
        StepInput(FRAMES[:4], model.begin(PROMPTS), PROMPTS),
        StepInput(FRAMES[4:], model.begin(others), others),
        StepInput(FRAMES[:3], model.begin(others), others),
    ]
    outputs = model.step(inputs)
    assert looks == [(8, 2)]
    assert [len(output.results) for output in outputs] == [4, 4, 0]
    for given, output in zip(inputs[:2], outputs, strict=False):
        (alone,) = model.step([given])
        for one, other in zip(output.results, alone.results, strict=True):
            assert one.tracks.labels.tolist() == other.tracks.labels.tolist()
            assert np.allclose(one.tracks.scores, other.tracks.scores, atol=1e-5)
            assert np.allclose(one.masks.mask_logits, other.masks.mask_logits, atol=1e-3)


def test_chunks_of_other_sizes_are_looked_at_apart(model, monkeypatch):
    looks, look = [], model.network.look
    monkeypatch.setattr(
        model.network, "look", lambda *given: looks.append(given[2]) or look(*given)
    )
    wide = [frame[:48] for frame in FRAMES[:4]]
    inputs = [StepInput(each, model.begin(PROMPTS), PROMPTS) for each in (wide, FRAMES[:4])]
    outputs = model.step(inputs)
    assert looks == [1, 1]
    assert [output.results[0].size for output in outputs] == [(48, 96), (64, 96)]


def test_texts_that_change_within_a_chunk_hold_for_the_frames_that_come_with_them(model):
    changed = run(model, (FRAMES[:2], (CAR,)), (FRAMES[2:], (DOG, CAR)))
    labels = [sorted(label for _, label, _, _ in result.facts) for result in changed]
    assert labels == [[0]] * 2 + [[0, 1]] * 6
    assert of(changed, CAR.class_id) == of(run(model, (FRAMES, (CAR,))), CAR.class_id)
    assert [status for status, *_ in of(changed, DOG.class_id)][:2] == [0, 1]


def test_a_track_ends_with_its_text_and_has_a_new_id_when_it_is_asked_for_again(model):
    results = run(model, (FRAMES[:3], (CAR,)), (FRAMES[3:6], (DOG,)), (FRAMES[6:], (CAR,)))
    facts = [result.facts for result in results]
    ends = {status: number for number, fact in enumerate(facts) for _, _, status, _ in fact}
    assert TrackStatus.DISAPPEARED in ends
    assert (1, 0, TrackStatus.DISAPPEARED, 4) in facts[3]
    assert (2, 1, TrackStatus.DISAPPEARED, 4) in facts[6]
    assert facts[7] == ((3, 0, TrackStatus.TRACKED, 2),)


def test_a_chunk_of_other_frames_finds_something_else(model):
    eight = tiny_model(chunk_frames=8)
    assert of(run(model, (FRAMES, (CAR,))), 0) != of(run(eight, (FRAMES, (CAR,))), 0)


def test_frames_of_another_size_begin_a_chunk_of_their_own(model):
    wide = [frame[:48] for frame in FRAMES[2:5]]
    mixed = run(model, (FRAMES[:2], (CAR,)), (wide, (CAR,)))
    assert [result.masks.shape[1:] for result in mixed] == [(64, 96)] * 2 + [(48, 96)] * 3
    assert of(mixed[:2], 0) == of(run(model, (FRAMES[:2], (CAR,))), 0)


@pytest.mark.parametrize("chunk_frames", [1, 36])
def test_chunks_have_1_to_36_frames(chunk_frames):
    assert tiny_config(chunk_frames=chunk_frames).online.chunk_frames == chunk_frames


@pytest.mark.parametrize("chunk_frames", [0, 37])
def test_other_chunks_are_refused(chunk_frames):
    with pytest.raises(ConfigError, match="chunk_frames must be"):
        tiny_config(chunk_frames=chunk_frames)


def test_a_text_with_too_many_tokens_is_refused(model):
    long = SessionOptions(prompts=(Prompt("€" * 70, 0),))
    with pytest.raises(PromptError, match="212 tokens; 198 are the most"):
        model.begin(long)
    with pytest.raises(PromptError, match="212 tokens"):
        model.step([StepInput(FRAMES[:1], model.begin(PROMPTS), long)])


@pytest.mark.parametrize("size", [(128, 200), (200, 128)])
def test_a_frame_that_is_too_small_for_the_network_is_refused(size):
    model = tiny_model(min_size=None)
    with pytest.raises(FrameError, match="sides of at least 129"):
        model.step([StepInput([np.zeros((*size, 3), np.uint8)], model.begin(PROMPTS), PROMPTS)])


def test_a_frame_so_long_that_its_resize_is_huge_is_refused(model):
    frame = np.zeros((1, 60_000, 3), np.uint8)
    with pytest.raises(FrameError, match="pixels"):
        model.step([StepInput([frame], model.begin(PROMPTS), PROMPTS)])
