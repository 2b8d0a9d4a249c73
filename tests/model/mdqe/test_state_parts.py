"""Memories of MDQE as parts: their size, and what is refused."""

import json
from dataclasses import fields
from functools import cache

import pytest
import torch

from maskstream_model.errors import StateError
from maskstream_model.port import SessionOptions, StepInput
from support.mdqe import tiny_model
from support.tiny import tiny_frames

FRAMES = tiny_frames(14, seed=1)


@cache
def stepped(num_frames=10):
    model = tiny_model()
    state = model.begin()
    if num_frames:
        state = model.step([StepInput(FRAMES[:num_frames], state)])[0].state
    return model, state


@pytest.mark.parametrize("num_frames", [0, 2, 3, 10])
def test_a_memory_comes_back_as_it_was(num_frames):
    model, state = stepped(num_frames)
    again = model.from_parts(model.to_parts(state))
    assert not again.pending
    for field in fields(state.memory):
        ours, theirs = (getattr(each.memory, field.name) for each in (again, state))
        same = torch.equal(ours, theirs) if isinstance(theirs, torch.Tensor) else ours == theirs
        assert same, field.name


def test_frames_that_wait_are_not_in_a_memory():
    model, state = stepped()
    assert len(state.pending) == 2
    tracks, network = state.memory.num_tracks, model.config.network
    width, classes, frames = network.width, 4, 3
    values = 4 * width + 3 + frames * (network.mask_width + 1) + 3 * classes + 1
    parts = model.to_parts(state)
    assert tracks > 1
    size = sum(len(blob) for name, blob in parts.items() if name != "facts")
    assert size == 4 * tracks * values


def test_a_clip_replaces_one_part_of_the_history():
    model, state = stepped(8)
    after = model.step([StepInput(FRAMES[8:9], state)])[0].state
    assert after.memory.num_tracks == state.memory.num_tracks
    assert after.memory.window == state.memory.window
    before, now = (model.to_parts(each) for each in (state, after))
    changed = [name for name in before if name.startswith("recent/") and before[name] != now[name]]
    assert len(changed) == 1


def changed(**values):
    model, state = stepped()
    parts = model.to_parts(state)
    return parts | {"facts": json.dumps({**json.loads(parts["facts"]), **values}).encode()}


def counts_below_zero():
    model, state = stepped()
    parts = model.to_parts(state)
    return parts | {"class_counts": b"\x00\x00\x80\xbf" * state.memory.num_tracks}


def ids():
    return stepped()[1].memory.track_ids.tolist()


WRONG = {
    "cannot be read": lambda: changed(strange=1),
    "schema 2": lambda: changed(schema=2),
    "belongs to model x": lambda: changed(fingerprint="x"),
    "no count": lambda: changed(num_frames=-1),
    "track ids must ascend": lambda: changed(track_ids=ids()[::-1]),
    "one number for each track": lambda: changed(missed_clips=[0]),
    "within the frames seen": lambda: changed(birth_frames=[99] * len(ids())),
    "make a track disappear": lambda: changed(missed_clips=[3] * len(ids())),
    "fewer than a clip has": lambda: changed(num_pending=3),
    "one of the frames seen": lambda: changed(window=9),
    "must have no ids": lambda: changed(
        num_frames=0, window=0, birth_frames=[0] * len(ids()), birth_windows=[0] * len(ids())
    ),
    "below 0": counts_below_zero,
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_no_step_returns_is_refused(sentence):
    with pytest.raises(StateError, match=sentence):
        stepped()[0].from_parts(WRONG[sentence]())


def test_more_tracks_than_may_be_are_refused():
    model, state = stepped()
    with pytest.raises(StateError, match="at most 1 are allowed"):
        model.from_parts(model.to_parts(state), SessionOptions(max_tracks=1))
