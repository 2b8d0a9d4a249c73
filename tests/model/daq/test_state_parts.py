"""Parts of a memory: read back exactly, few of them changed by a frame, refused when damaged."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from maskstream_model.daq.state_parts import state_to_parts
from maskstream_model.errors import StateError
from maskstream_model.memory_bounds import MAX_PARTS
from maskstream_model.parts_file import parts_from_file, parts_to_file
from maskstream_model.port import SessionOptions
from support.running import run
from support.tiny import tiny_frames, tiny_model

FLOATS = ("queries", "positions", "logit_sums")
INTEGERS = ("track_ids", "birth_frames", "missed_frames", "num_appearances")
ROW_BYTES = 4 * 32
RING = "a ring"
"""Stands for the part of the first appearance of the first track."""


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def states(model):
    """The memories after each of twenty frames, in which tracks come and go."""
    state, made = model.begin(), []
    for frame in tiny_frames(20, seed=3):
        _, state = run(model, [frame], state)
        made.append(state)
    assert len({state.num_tracks for state in made}) > 1
    return made


@pytest.fixture(scope="module")
def state(states):
    return states[5]


@pytest.fixture(scope="module")
def parts(model, state):
    return model.to_parts(state)


def place(parts, name):
    """The name of a part; `RING` becomes one that is there."""
    track = json.loads(parts["facts"])["track_ids"][0]
    return f"history/{track}/0" if name is RING else name.format(track=track)


def with_facts(parts, **changes):
    facts = {**json.loads(parts["facts"]), **changes}
    facts = {name: value for name, value in facts.items() if value is not ...}
    return {**parts, "facts": json.dumps(facts).encode()}


def test_a_state_comes_back_exactly(model, states):
    for state in [model.begin(), *states]:
        again = model.from_parts(model.to_parts(state))
        for name in (*FLOATS, *INTEGERS, "history"):
            assert torch.equal(getattr(again, name), getattr(state, name))
            assert getattr(again, name).dtype == getattr(state, name).dtype
        assert (again.num_frames, again.next_track_id) == (state.num_frames, state.next_track_id)
        assert model.to_parts(again) == model.to_parts(state)


def test_a_frame_changes_one_appearance_of_a_track_that_stays(model, states):
    for before, after in pairwise(states):
        old, new = model.to_parts(before), model.to_parts(after)
        changed = {name for name, blob in new.items() if old.get(name) != blob}
        rings = {name for name in changed if name.startswith("history/")}
        assert changed - rings <= {"facts", *FLOATS}
        assert len(rings) <= after.num_tracks
        assert all(len(new[name]) == ROW_BYTES for name in rings)


def test_tracks_that_are_gone_have_no_parts(model, states):
    for state in states:
        tracks = {name.split("/")[1] for name in model.to_parts(state) if "/" in name}
        assert tracks == {str(track) for track in state.track_ids.tolist()}


def test_a_memory_costs_a_known_number_of_bytes(model, state, parts):
    slots = int(state.num_appearances.clamp(max=4).sum())
    floats = 4 * (state.num_tracks * (32 + 32 + 4) + slots * 32)
    assert floats <= sum(map(len, parts.values())) <= floats + 256 + 40 * state.num_tracks


def test_another_models_state_is_refused(model, state):
    with pytest.raises(StateError, match="belongs to model 0123456789abcdef"):
        model.from_parts(state_to_parts(state, "0123456789abcdef"))


def test_models_differ_in_their_fingerprint():
    models = [tiny_model(), tiny_model(seed=1), tiny_model(max_missed_frames=5)]
    assert len({model.info.fingerprint for model in models}) == 3


def test_more_tracks_than_allowed_are_refused(model, state, parts):
    most = state.num_tracks
    assert model.from_parts(parts, SessionOptions(max_tracks=most)).num_tracks == most
    with pytest.raises(StateError, match=f"{most} tracks; at most {most - 1} are allowed"):
        model.from_parts(parts, SessionOptions(max_tracks=most - 1))


@pytest.mark.parametrize("name", ["facts", *FLOATS, RING])
def test_a_missing_part_is_refused_by_name(model, parts, name):
    name = place(parts, name)
    with pytest.raises(StateError, match=name):
        model.from_parts({key: blob for key, blob in parts.items() if key != name})


@pytest.mark.parametrize(
    "name", ["extra", "history/9999/0", "history/{track}/4", "history/{track}/00"]
)
def test_a_leftover_is_refused_by_name(model, parts, name):
    name = place(parts, name)
    with pytest.raises(StateError, match=name):
        model.from_parts({**parts, name: parts[place(parts, RING)]})


@pytest.mark.parametrize("name", [*FLOATS, RING])
@pytest.mark.parametrize("change", [lambda blob: blob[:-4], lambda blob: blob + bytes(4)])
def test_a_part_of_the_wrong_length_is_refused_by_name(model, parts, name, change):
    name = place(parts, name)
    with pytest.raises(StateError, match=name):
        model.from_parts({**parts, name: change(parts[name])})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
@pytest.mark.parametrize("name", [*FLOATS, RING])
def test_numbers_that_no_step_can_continue_with_are_refused(model, parts, name, value):
    name = place(parts, name)
    with pytest.raises(StateError, match=name):
        model.from_parts({**parts, name: parts[name][:-4] + np.float32(value).tobytes()})


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b"{}", b"7", b"\xff\xfe", b"[" * 100_000, b"9" * 5000],
    ids=lambda text: repr(text[:20]),
)
def test_facts_that_are_none_are_refused(model, parts, text):
    with pytest.raises(StateError, match="facts cannot be read"):
        model.from_parts({**parts, "facts": text})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema": 1}, "schema 1, this version reads 2"),
        ({"schema": True}, "no count"),
        ({"schema": ...}, "cannot be read"),
        ({"fingerprint": 7}, "name no model"),
        ({"num_frames": -1}, "no count"),
        ({"num_frames": 6.0}, "no count"),
        ({"num_frames": 10**30}, "no count"),
        ({"next_track_id": 1}, "ids must ascend"),
        ({"more": 1}, "cannot be read"),
        ({"missed_frames": [0]}, "missed_frames that are not one number for each track"),
        ({"track_ids": 7}, "cannot be read|not one number"),
        ({"track_ids": "12"}, "not one number"),
        ({"track_ids": None}, "not one number"),
    ],
)
def test_wrong_facts_are_refused(model, parts, changes, sentence):
    with pytest.raises(StateError, match=sentence):
        model.from_parts(with_facts(parts, **changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"track_ids": [5, 5]}, "ids must ascend"),
        ({"track_ids": [0, 5]}, "ids must ascend"),
        ({"track_ids": [1, "2"]}, "no count"),
        ({"birth_frames": [3, 0]}, "births must follow"),
        ({"birth_frames": [0, 6]}, "births must follow"),
        ({"birth_frames": [-1, 0]}, "no count"),
        ({"missed_frames": [0, 3]}, "missed frames"),
        ({"num_appearances": [0, 1]}, "appearances"),
        ({"num_appearances": [7, 1]}, "appearances"),
        ({"num_frames": 0}, "births must follow"),
    ],
)
def test_counts_that_cannot_belong_together_are_refused(model, state, changes, sentence):
    two = replace(
        state,
        **{name: getattr(state, name)[:2] for name in (*FLOATS, "history")},
        track_ids=torch.tensor([1, 2]),
        birth_frames=torch.tensor([0, 0]),
        missed_frames=torch.tensor([0, 1]),
        num_appearances=torch.tensor([3, 3]),
    )
    parts = model.to_parts(two)
    assert model.from_parts(parts).num_tracks == 2
    with pytest.raises(StateError, match=sentence):
        model.from_parts(with_facts(parts, **changes))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_damaged_parts_are_refused_or_are_a_whole_state(model, parts, data):
    name = data.draw(st.sampled_from(sorted(parts)))
    blob = bytearray(parts[name])
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(blob[: data.draw(st.just(len(blob)) | st.integers(0, len(blob)))])
    try:
        again = model.from_parts({**parts, name: damaged})
    except StateError:
        return
    assert set(model.to_parts(again)) == set(parts)


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=50), max_size=4))
@settings(deadline=None)
def test_anything_else_is_refused(model, parts):
    with pytest.raises(StateError):
        model.from_parts(parts)


def test_parts_go_through_a_file(parts):
    blob = parts_to_file(parts)
    assert parts_from_file(blob) == parts
    assert parts_to_file(dict(reversed(parts.items()))) == blob
    assert parts_from_file(parts_to_file({})) == {}


@given(st.binary(max_size=200))
def test_files_of_anything_else_are_refused(blob):
    with pytest.raises(StateError):
        parts_from_file(blob)


@pytest.mark.parametrize(
    "make",
    [
        lambda save: save({"x": np.zeros(3, np.float32)}),
        lambda save: save({"x": np.zeros((2, 2), np.uint8)}),
        lambda save: save({"Not a name": np.zeros(2, np.uint8)}),
        lambda save: save({str(n): np.zeros(1, np.uint8) for n in range(MAX_PARTS + 1)}),
        lambda save: save({"x": np.zeros(9, np.uint8)})[:-1],
    ],
    ids=["float", "two axes", "name", "too many", "cut off"],
)
def test_files_whose_tensors_are_no_parts_are_refused(make):
    from safetensors.numpy import save

    with pytest.raises(StateError):
        parts_from_file(make(save))
