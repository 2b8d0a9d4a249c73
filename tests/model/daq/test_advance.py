"""What a track or a session leaves behind reaches no other one."""

from dataclasses import replace

import torch

from maskstream_model.daq.advance import carry
from maskstream_model.daq.lifecycle import Decisions
from maskstream_model.daq.padding import take
from maskstream_model.port import StepInput
from support.tiny import tiny_frames, tiny_model

NUM_FRAMES = 6


def after_some_frames(model, seed):
    state = model.begin()
    for frame in tiny_frames(NUM_FRAMES, seed):
        (output,) = model.step([StepInput([frame], state)])
        state = output.state
    return state


def poisoned(state, rows):
    """The memory with NaN in all floats of some rows but the queries, which are matched."""
    names = ("positions", "history", "logit_sums")
    floats = {name: getattr(state, name).clone() for name in names}
    for values in floats.values():
        values[rows] = torch.nan
    return replace(state, **floats)


def is_finite(state):
    floats = (state.queries, state.positions, state.history, state.logit_sums)
    return all(bool(values.isfinite().all()) for values in floats)


def test_a_new_track_takes_nothing_from_one_that_is_gone():
    state = after_some_frames(tiny_model(), seed=1)
    count = state.num_tracks
    gone = torch.arange(count) == 0
    decisions = Decisions(~gone, gone, torch.zeros(count, dtype=torch.int64), torch.tensor([2, 5]))
    memory = carry(poisoned(state, gone), (~gone).nonzero()[:, 0], decisions)
    assert memory.num_tracks == count + 1
    assert is_finite(memory)
    assert not memory.history[-2:].any()
    assert memory.num_appearances[-2:].tolist() == [0, 0]


def test_a_session_takes_nothing_from_the_one_beside_it():
    model = tiny_model()
    states = [after_some_frames(model, seed) for seed in (1, 2)]
    frames = [tiny_frames(NUM_FRAMES + 1, seed)[-1] for seed in (1, 2)]
    spoiled = poisoned(states[0], slice(None))
    steps = [StepInput([frame], state) for frame, state in zip(frames, states, strict=True)]
    _, beside = model.step([replace(steps[0], state=spoiled), steps[1]])
    _, usual = model.step(steps)
    assert states[0].num_tracks != states[1].num_tracks
    assert is_finite(beside.state)
    assert beside.state.track_ids.tolist() == usual.state.track_ids.tolist()


def test_rows_of_sessions_are_taken_side_by_side():
    values = torch.arange(12).view(2, 6)
    taken = take(values, [torch.tensor([4, 5]), torch.tensor([1])])
    assert taken.tolist() == [[4, 5], [7, 6]]
