"""The training-free baseline: links by similarity, and the laws of any online model."""

import copy
import dataclasses

import pytest
import torch

from maskstream_model.daq.hungarian import NO_MATCH, OnlineHungarian, link
from maskstream_model.daq.state import TrackerState
from maskstream_model.errors import StateError
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.tasks.output import FrameOutput
from support.running import run_batch
from support.tiny import tiny_config, tiny_frames, tiny_model

SIZE = (64, 96)
FIELDS = dataclasses.fields(TrackerState)


def _model(**online: object) -> OnlineHungarian:
    rules = {"emergence_score_min": 0.5, "first_frame_score_min": 0.5, **online}
    daq = tiny_model(**rules)
    return OnlineHungarian(daq.config, daq.segmenter, daq.device, daq.fingerprint)


def _run(model, frames, state=None) -> tuple[list[FrameOutput], TrackerState]:
    state = model.begin() if state is None else state
    outputs = []
    for frame in frames:
        output, state = model.track_frame(frame, state)
        outputs.append(output)
    return outputs, state


def _assert_same(left: FrameOutput, right: FrameOutput) -> None:
    for field in dataclasses.fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, field.name


def _queries(*present: int, scores: dict[int, float] | None = None) -> SegmenterOutput:
    """Eight orthogonal queries; those present score 0.9, others 0.1, unless given."""
    all_scores = {index: 0.9 if index in present else 0.1 for index in range(8)} | (scores or {})
    logits = torch.zeros(1, 8, 4)
    for index, score in all_scores.items():
        rest = (1 - score) / 3
        logits[0, index] = torch.tensor([score, rest, rest, rest]).log()
    embeddings = torch.eye(8, 32)[None]
    return SegmenterOutput(embeddings, logits, torch.ones(1, 8, 16, 24), torch.ones(1, 32, 16, 24))


def _track(model: OnlineHungarian, *frames: SegmenterOutput) -> list[dict[int, int]]:
    """Return track ids with their status, frame by frame."""
    state, found = model.begin(), []
    for frame in frames:
        outputs, states = model.track(frame, [state], [SIZE])
        state = states[0]
        found.append(
            dict(zip(outputs[0].track_ids.tolist(), outputs[0].status.tolist(), strict=True))
        )
    return found


def test_each_track_gets_the_query_most_like_it() -> None:
    queries = torch.eye(4)
    tracks = torch.tensor([[0.0, 0.1, 0.9, 0.0], [2.0, 0.0, 0.1, 0.0]])
    assert link(tracks, queries, -1.0).tolist() == [2, 0]


def test_the_sum_of_similarities_decides_when_two_want_the_same() -> None:
    queries = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    tracks = torch.tensor([[1.0, 0.0], [1.0, 0.05]])
    assert link(tracks, queries, -1.0).tolist() == [0, 1]


def test_unlike_pairs_and_surplus_tracks_are_no_match() -> None:
    assert link(torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, 0.0]]), 0.0).tolist() == [NO_MATCH]
    assert sorted(link(torch.eye(3), torch.eye(3)[:2], -1.0).tolist()) == [NO_MATCH, 0, 1]
    assert link(torch.zeros(0, 3), torch.eye(3), -1.0).tolist() == []


def test_a_query_keeps_its_track_and_a_new_one_emerges() -> None:
    found = _track(_model(), _queries(0), _queries(0, 1), _queries(0, 1))
    assert found == [{1: 0}, {1: 1, 2: 0}, {1: 1, 2: 1}]


def test_a_track_is_missed_then_disappears_once_and_its_id_is_not_used_again() -> None:
    empty = _queries()
    found = _track(_model(max_missed_frames=2), _queries(0), empty, empty, empty, _queries(0))
    assert found == [{1: 0}, {1: 2}, {1: 3}, {}, {2: 0}]


def test_a_track_that_was_missed_is_found_again() -> None:
    found = _track(_model(max_missed_frames=3), _queries(0), _queries(), _queries(0))
    assert found == [{1: 0}, {1: 2}, {1: 1}]


def test_a_track_without_a_like_query_is_missed_and_shows_nothing() -> None:
    daq = tiny_model()
    model = OnlineHungarian(daq.config, daq.segmenter, daq.device, daq.fingerprint, 0.5)
    _, states = model.track(_queries(0), [model.begin()], [SIZE])
    other = dataclasses.replace(_queries(1), embeddings=torch.eye(8, 32).roll(8, 1)[None])
    outputs, _ = model.track(other, states, [SIZE])
    assert outputs[0].track_ids.tolist() == [1, 2]
    assert outputs[0].status.tolist() == [2, 0]
    assert not outputs[0].masks(*SIZE)[0].any()
    assert outputs[0].masks(*SIZE)[1].all()


def test_max_tracks_keeps_out_the_weakest_new_tracks() -> None:
    model = _model()
    frame = _queries(0, 1, 2, scores={1: 0.95})
    outputs, _ = model.track(frame, [model.begin()], [SIZE], [1])
    assert outputs[0].num_refused == 2
    assert outputs[0].scores.tolist() == pytest.approx([0.95])


def test_saving_and_loading_between_frames_changes_nothing() -> None:
    model, frames = _model(), tiny_frames(8)
    whole, _ = _run(model, frames)
    assert sum(len(output.track_ids) for output in whole) > 0
    first, state = _run(model, frames[:3])
    rest, _ = _run(model, frames[3:], model.from_parts(model.to_parts(state)))
    for left, right in zip(whole, [*first, *rest], strict=True):
        _assert_same(left, right)


def test_a_state_is_a_value_that_stepping_leaves_as_it_was() -> None:
    model, frames = _model(), tiny_frames(4)
    _, state = _run(model, frames[:2])
    before = {field.name: copy.deepcopy(getattr(state, field.name)) for field in FIELDS}
    one, _ = _run(model, frames[2:], state)
    two, _ = _run(model, frames[2:], state)
    for name, value in before.items():
        now = getattr(state, name)
        assert torch.equal(now, value) if isinstance(value, torch.Tensor) else now == value
    for left, right in zip(one, two, strict=True):
        _assert_same(left, right)


def test_interleaved_sessions_are_those_run_alone() -> None:
    model = _model()
    clips = [tiny_frames(4, seed=1), tiny_frames(4, seed=2)]
    alone = [_run(model, clip)[0] for clip in clips]
    states = [model.begin(), model.begin()]
    for time in range(4):
        for index, clip in enumerate(clips):
            output, states[index] = model.track_frame(clip[time], states[index])
            _assert_same(output, alone[index][time])


def test_sessions_stepped_together_have_the_ids_of_those_run_alone() -> None:
    model = _model()
    clips = [tiny_frames(4, seed=1), tiny_frames(4, seed=2)]
    alone = [_run(model, clip)[0] for clip in clips]
    states = [model.begin(), model.begin()]
    for time in range(4):
        outputs, states = run_batch(model, [clip[time] for clip in clips], states)
        for index, output in enumerate(outputs):
            assert torch.equal(output.track_ids, alone[index][time].track_ids)
            assert torch.equal(output.status, alone[index][time].status)


def test_the_memory_of_a_long_video_stays_bounded() -> None:
    model, sizes = _model(max_missed_frames=1), []
    state = model.begin()
    for frame in tiny_frames(40):
        _, state = model.track_frame(frame, state)
        sizes.append(state.num_tracks)
    # with no patience at all, tracks are at most as many as queries
    assert max(sizes) <= model.config.segmenter.num_queries
    assert state.next_track_id > 1


def test_the_baseline_does_not_take_the_states_of_the_model_it_is_compared_with() -> None:
    daq, model = tiny_model(), _model()
    with pytest.raises(StateError, match="belongs to model"):
        model.from_parts(daq.to_parts(daq.begin()))


def test_another_similarity_is_another_fingerprint() -> None:
    daq = tiny_model()
    prints = {
        OnlineHungarian(tiny_config(), daq.segmenter, daq.device, "0", least).fingerprint
        for least in (0.0, 0.5)
    }
    assert len(prints) == 2
