"""The laws that every online model keeps, on a tiny real one."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from maskstream_model.port import StepInput, TrackStatus
from maskstream_model.tasks.preprocess import prepare
from support.double_precision import double_precision
from support.examples import IS_THOROUGH
from support.running import assert_agree, assert_result, assert_same, run, run_batch
from support.tiny import tiny_frames, tiny_model

NUM_FRAMES = 14
NOISE = 1e-4


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def double_model():
    """For runs that differ in what is computed together."""
    model = tiny_model()
    with double_precision(model.segmenter, model.tracker):
        yield model


@pytest.fixture(scope="module")
def frames():
    return tiny_frames(NUM_FRAMES, seed=1)


@pytest.fixture(scope="module")
def whole(model, frames):
    return run(model, frames)


@pytest.fixture(scope="module")
def long_run(model):
    """Outputs and sizes of memory over a long video: segmented once, 40 frames over and over."""
    segmented = _segmented(model, tiny_frames(40, seed=1))
    outputs, sizes, state = [], [], model.begin()
    for time in range(1000 if IS_THOROUGH else 300):
        (output,), (state,) = model.track(segmented[time % 40], [state], [(64, 96)], [12])
        outputs.append(output)
        sizes.append((state.num_tracks, len(model.to_parts(state))))
    return outputs, sizes


@torch.no_grad()
def _segmented(model, frames):
    prepared = [prepare([frame], model.config.online) for frame in frames]
    return [model.segmenter(batch.images) for batch in prepared]


def test_the_tiny_model_shows_every_status(whole):
    outputs, _ = whole
    seen = {int(status) for output in outputs for status in output.status}
    assert seen == {int(status) for status in TrackStatus}


def test_a_run_repeats_bit_for_bit(model, frames, whole):
    for ours, theirs in zip(run(model, frames)[0], whole[0], strict=True):
        assert_same(ours, theirs)


@given(cuts=st.sets(st.integers(1, NUM_FRAMES - 1), max_size=3))
@settings(max_examples=8, deadline=None)
def test_any_cut_with_save_and_load_changes_nothing(model, frames, whole, cuts):
    bounds = [0, *sorted(cuts), NUM_FRAMES]
    outputs, state = [], model.begin()
    for start, end in pairwise(bounds):
        chunk, state = run(model, frames[start:end], state)
        outputs += chunk
        state = model.from_parts(model.to_parts(state))
    for ours, theirs in zip(outputs, whole[0], strict=True):
        assert_same(ours, theirs)


def test_a_state_can_be_saved_and_loaded_between_any_two_frames(model, frames, whole):
    outputs, state = [], model.begin()
    for frame in frames:
        output, state = model.track_frame(frame, model.from_parts(model.to_parts(state)))
        outputs.append(output)
    for ours, theirs in zip(outputs, whole[0], strict=True):
        assert_same(ours, theirs)
    assert model.to_parts(state) == model.to_parts(whole[1])


def test_a_step_leaves_its_state_as_it_was(model, frames):
    _, state = run(model, frames[:5])
    before = model.to_parts(state)
    model.track_frame(frames[5], state)
    assert model.to_parts(state) == before


def test_interleaved_sessions_are_separate_ones(model, frames, whole):
    others = tiny_frames(NUM_FRAMES, seed=2)
    alone = run(model, others)[0]
    states = [model.begin(), model.begin()]
    for time in range(NUM_FRAMES):
        for session, clip, expected in ((0, frames, whole[0]), (1, others, alone)):
            output, states[session] = model.track_frame(clip[time], states[session])
            assert_same(output, expected[time])


def test_a_step_in_whose_pauses_other_sessions_are_stepped_gives_the_same(model, frames, whole):
    others, pauses = tiny_frames(NUM_FRAMES, seed=1), 0
    alone = run(model, others)[0]
    states = [model.begin(), model.begin()]
    for time in range(NUM_FRAMES):
        live = []

        def pause(time=time, live=live) -> None:
            live.append(model.track_frame(others[time], states[1]))

        (output,) = model.step([StepInput([frames[time]], states[0])], pause)
        states[0] = output.state
        assert_result(output.results[0], whole[0][time])
        for other, _ in live:
            assert_same(other, alone[time])
        states[1], pauses = live[0][1], pauses + len(live)
    assert pauses == 4 * NUM_FRAMES


@pytest.mark.parametrize("length", [1, 2, 5, NUM_FRAMES])
def test_clips_agree_with_single_steps_however_they_are_cut(double_model, length):
    model, frames = double_model, tiny_frames(NUM_FRAMES, seed=2)
    expected, end = run(model, frames)
    results, state = [], model.begin()
    for first in range(0, NUM_FRAMES, length):
        (output,) = model.step([StepInput(frames[first : first + length], state)])
        results += output.results
        state = output.state
    for ours, theirs in zip(results, expected, strict=True):
        assert_result(ours, theirs, 0.0 if length == 1 else NOISE)
    assert state.next_track_id == end.next_track_id > 3


def test_a_batch_agrees_with_single_steps(double_model):
    model = double_model
    clips = [tiny_frames(6 + session, seed=session) for session in range(4)]
    starts = [run(model, clip[: 2 * session])[1] for session, clip in enumerate(clips)]
    assert len({state.num_tracks for state in starts}) == 4
    newest = [clip[-1] for clip in clips]
    outputs, states = run_batch(model, newest, starts)
    for session in range(4):
        output, state = model.track_frame(newest[session], starts[session])
        assert_agree(outputs[session], output, NOISE)
        for name in ("queries", "positions", "history", "logit_sums"):
            torch.testing.assert_close(
                getattr(states[session], name), getattr(state, name), rtol=NOISE, atol=NOISE
            )
        assert states[session].next_track_id == state.next_track_id


def test_a_batch_may_hold_frames_of_different_sizes_with_one_padded_size(double_model):
    model = double_model
    clips = [tiny_frames(3, seed=1, size=size) for size in ((64, 96), (50, 90))]
    assert model.batch_key(64, 96) == model.batch_key(50, 90) == (64, 96)
    states = [model.begin(), model.begin()]
    for pair in zip(*clips, strict=True):
        outputs, after = run_batch(model, pair, states)
        for session in range(2):
            output, _ = model.track_frame(pair[session], states[session])
            assert_agree(outputs[session], output, NOISE)
        states = after


def test_ids_are_never_used_again(long_run):
    outputs, _ = long_run
    last_mention: dict[int, int] = {}
    highest = 0
    for output in outputs:
        for track_id, status in zip(output.track_ids.tolist(), output.status.tolist(), strict=True):
            if status == TrackStatus.EMERGED:
                assert track_id == highest + 1
                highest = track_id
            else:
                assert last_mention[track_id] != TrackStatus.DISAPPEARED
            last_mention[track_id] = status
    assert highest > 100


def test_a_track_is_mentioned_on_every_frame_until_it_disappears(long_run):
    alive: set[int] = set()
    for output in long_run[0]:
        mentioned = set(output.track_ids.tolist())
        assert alive <= mentioned
        assert len(mentioned) == len(output.track_ids)
        alive = set(output.track_ids[output.status != TrackStatus.DISAPPEARED].tolist())


def test_ages_count_frames_since_birth(long_run):
    births: dict[int, int] = {}
    for time, output in enumerate(long_run[0]):
        for track_id, age in zip(output.track_ids.tolist(), output.ages.tolist(), strict=True):
            assert age == time - births.setdefault(track_id, time) + 1


def test_a_disappeared_track_is_listed_once_and_shows_nothing(long_run):
    gone = 0
    for output in long_run[0]:
        rows = output.status == TrackStatus.DISAPPEARED
        gone += int(rows.sum())
        assert not output.logits[rows].any()
        assert not output.mask_logits[rows].any()
        assert not output.masks(64, 96)[rows].any()
    assert gone > 20


def test_the_size_of_a_state_depends_on_its_tracks_alone(long_run):
    _, sizes = long_run
    half = len(sizes) // 2
    early = dict(sizes[:half])
    # Counters are text in the header, which may grow by some digits.
    assert all(
        abs(num_bytes - early[tracks]) < 64 for tracks, num_bytes in sizes if tracks in early
    )
    assert max(num_bytes for _, num_bytes in sizes[half:]) <= max(early.values()) + 64


def test_max_tracks_is_kept(long_run):
    outputs, sizes = long_run
    assert max(tracks for tracks, _ in sizes) == 12
    assert sum(output.num_refused for output in outputs) > 100


@pytest.mark.parametrize("rules", [{}, {"double_iou_max": 0.5}])
def test_a_limit_keeps_new_tracks_out_and_changes_nothing_else(frames, rules):
    model = tiny_model(**rules)
    state, refused = model.begin(), 0
    for frame in frames:
        free, following = model.track_frame(frame, state)
        for limit in (1, 4, 7):
            limited, _ = model.track_frame(frame, state, max_tracks=limit)
            old, kept = (each.status != TrackStatus.EMERGED for each in (free, limited))
            assert torch.equal(limited.track_ids[kept], free.track_ids[old])
            assert torch.equal(limited.status[kept], free.status[old])
            assert int((~old).sum()) - int((~kept).sum()) == limited.num_refused
            refused += limited.num_refused
        state = following
    # Masks of random weights overlap: with the rule every new track is a duplicate, and those
    # do not count towards the limit.
    assert (refused > 10) == (not rules)


def test_outputs_are_ordinary_tensors(whole):
    output = whole[0][3]
    weights = torch.ones(output.logits.shape[1], requires_grad=True)
    (output.logits * weights).sum().backward()
    assert weights.grad is not None
