"""Bytes of a memory: read back exactly, and refused when they are anything else."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from maskstream_model.daq.state_codec import state_from_bytes, state_to_bytes
from maskstream_model.errors import StateError
from support.running import run
from support.tiny import tiny_frames, tiny_model

FIELDS = (
    *("queries", "positions", "history", "logit_sums"),
    *("track_ids", "birth_frames", "missed_frames", "num_appearances"),
)
FACTS = {"schema": 1, "fingerprint": "f" * 16, "num_frames": 6, "next_track_id": 99}
METADATA = {"tracker_state": json.dumps(FACTS)}


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def state(model):
    _, state = run(model, tiny_frames(6, seed=1))
    assert state.num_tracks > 1
    return state


@pytest.fixture(scope="module")
def tensors(model, state):
    return load(model.state_to_bytes(state))


def read(model, blob):
    return state_from_bytes(blob, model.config, "f" * 16, torch.device("cpu"))


def test_a_state_comes_back_exactly(model, state):
    again = model.state_from_bytes(model.state_to_bytes(state))
    for name in FIELDS:
        assert torch.equal(getattr(again, name), getattr(state, name))
        assert getattr(again, name).dtype == getattr(state, name).dtype
    assert (again.num_frames, again.next_track_id) == (state.num_frames, state.next_track_id)


def test_an_empty_state_comes_back(model):
    again = model.state_from_bytes(model.state_to_bytes(model.initial_state()))
    assert (again.num_tracks, again.num_frames, again.next_track_id) == (0, 0, 1)


def test_the_same_state_gives_the_same_bytes(model, state):
    again = model.state_from_bytes(model.state_to_bytes(state))
    assert model.state_to_bytes(again) == model.state_to_bytes(state)


def test_twenty_tracks_cost_a_known_number_of_bytes(model, state):
    blob = model.state_to_bytes(state)
    row = 4 * (32 + 32 + 4 * 32 + 4) + 8 * 4
    assert state.num_tracks * row <= len(blob) <= state.num_tracks * row + 2048


def test_another_models_state_is_refused(state):
    blob = state_to_bytes(state, "0123456789abcdef")
    with pytest.raises(StateError, match="belongs to model 0123456789abcdef"):
        read(tiny_model(), blob)


def test_models_differ_in_their_fingerprint():
    prints = {
        tiny_model().fingerprint,
        tiny_model(seed=1).fingerprint,
        tiny_model(max_missed_frames=5).fingerprint,
    }
    assert len(prints) == 3


@pytest.mark.parametrize("name", FIELDS)
def test_a_gap_is_refused(model, tensors, name):
    with pytest.raises(StateError, match=name):
        read(model, save({k: v for k, v in tensors.items() if k != name}, METADATA))


def test_a_leftover_is_refused(model, tensors):
    with pytest.raises(StateError, match="extra"):
        read(model, save({**tensors, "extra": torch.zeros(1)}, METADATA))


@pytest.mark.parametrize("name", FIELDS)
def test_a_wrong_shape_is_refused(model, tensors, name):
    with pytest.raises(StateError):
        read(model, save({**tensors, name: tensors[name][:-1].clone()}, METADATA))


@pytest.mark.parametrize("name", FIELDS)
def test_a_wrong_type_is_refused(model, tensors, name):
    with pytest.raises(StateError, match=name):
        read(model, save({**tensors, name: tensors[name].half()}, METADATA))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
@pytest.mark.parametrize("name", FIELDS[:4])
def test_numbers_that_no_step_can_go_on_with_are_refused(model, tensors, name, value):
    damaged = tensors[name].clone()
    damaged.view(-1)[-1] = value
    with pytest.raises(StateError, match=name):
        read(model, save({**tensors, name: damaged}, METADATA))


@pytest.mark.parametrize("name", FACTS)
def test_a_missing_fact_is_refused(model, tensors, name):
    facts = {key: value for key, value in FACTS.items() if key != name}
    with pytest.raises(StateError, match="header"):
        read(model, save(tensors, {"tracker_state": json.dumps(facts)}))


@pytest.mark.parametrize(
    "metadata", [None, {}, {"other": json.dumps(FACTS)}, {**METADATA, "other": ""}]
)
def test_another_header_is_refused(model, tensors, metadata):
    with pytest.raises(StateError, match="header"):
        read(model, save(tensors, metadata))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("schema", 2, "schema 2"),
        ("schema", True, "no count"),
        ("fingerprint", 7, "header"),
        ("num_frames", -1, "no count"),
        ("num_frames", 6.0, "no count"),
        ("num_frames", 10**30, "no count"),
        ("next_track_id", 1, "ids must ascend"),
        ("more", 1, "header"),
    ],
)
def test_a_wrong_fact_is_refused(model, tensors, name, value, sentence):
    with pytest.raises(StateError, match=sentence):
        read(model, save(tensors, {"tracker_state": json.dumps({**FACTS, name: value})}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"track_ids": torch.tensor([5, 5])}, "ids must ascend"),
        ({"track_ids": torch.tensor([0, 5])}, "ids must ascend"),
        ({"birth_frames": torch.tensor([3, 0])}, "births must follow"),
        ({"birth_frames": torch.tensor([0, 6])}, "births must follow"),
        ({"birth_frames": torch.tensor([-1, 0])}, "births must follow"),
        ({"missed_frames": torch.tensor([0, 3])}, "missed frames"),
        ({"missed_frames": torch.tensor([0, -1])}, "missed frames"),
        ({"num_appearances": torch.tensor([0, 1])}, "appearances"),
        ({"num_appearances": torch.tensor([7, 1])}, "appearances"),
        ({"history": torch.ones(2, 4, 32)}, "free history slots"),
    ],
)
def test_counts_that_cannot_belong_together_are_refused(model, state, changes, sentence):
    two = replace(
        state,
        **{name: getattr(state, name)[:2] for name in FIELDS[:4]},
        track_ids=torch.tensor([1, 2]),
        birth_frames=torch.tensor([0, 0]),
        missed_frames=torch.tensor([0, 1]),
        num_appearances=torch.tensor([3, 3]),
    )
    two = replace(two, history=torch.nn.functional.pad(two.history[:, :3], (0, 0, 0, 1)))
    assert read(model, state_to_bytes(two, "f" * 16)).num_tracks == 2
    with pytest.raises(StateError, match=sentence):
        read(model, state_to_bytes(replace(two, **changes), "f" * 16))


def with_header(blob, text, length=None):
    """The same tensors behind another header, which may lie about its length."""
    body = blob[8 + int.from_bytes(blob[:8], "little") :]
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def header_of(blob):
    return json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**62, 2**63, 2**64 - 1])
def test_a_header_that_lies_about_its_length_is_refused(model, state, length):
    blob = model.state_to_bytes(state)
    with pytest.raises(StateError):
        model.state_from_bytes(with_header(blob, json.dumps(header_of(blob)).encode(), length))


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b"{}", b'{"__metadata__":1}', b"\xff\xfe", b"[" * 100_000, b"9" * 5000],
    ids=lambda text: repr(text[:20]),
)
def test_a_header_that_is_none_is_refused(model, state, text):
    with pytest.raises(StateError):
        model.state_from_bytes(with_header(model.state_to_bytes(state), text))


@pytest.mark.parametrize("name", ["queries", "track_ids"])
@pytest.mark.parametrize(
    "change",
    [
        *({"dtype": dtype} for dtype in ("BOOL", "U8", "F4", "F8_E8M0", "BF16", "U64", "C64", "?")),
        *({"shape": shape} for shape in ([-1], [], [1.5], None, "x", [2**32, 2**32], [0] * 100)),
        *({"shape": [0, side], "data_offsets": [0, 0]} for side in (2**60, 2**64 - 1, 2**70)),
        {"data_offsets": [0, 2**63]},
        {"data_offsets": [8, 0]},
    ],
    ids=repr,
)
def test_a_header_that_lies_about_a_tensor_is_refused(model, state, name, change):
    blob = model.state_to_bytes(state)
    header = header_of(blob)
    header[name].update(change)
    with pytest.raises(StateError):
        model.state_from_bytes(with_header(blob, json.dumps(header).encode()))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_damaged_bytes_are_refused_or_are_a_whole_state(model, state, data):
    blob = bytearray(model.state_to_bytes(state))
    for _ in range(data.draw(st.integers(1, 4))):
        # Most damage goes into the header, where it hurts most.
        place = data.draw(st.integers(0, 1200) | st.integers(0, len(blob) - 1))
        blob[place] = data.draw(st.integers(0, 255))
    damaged = bytes(blob[: data.draw(st.just(len(blob)) | st.integers(0, len(blob)))])
    try:
        again = model.state_from_bytes(damaged)
    except StateError:
        return
    assert len(model.state_to_bytes(again)) == len(model.state_to_bytes(state))


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_bytes_of_anything_else_are_refused(model, blob):
    with pytest.raises(StateError):
        model.state_from_bytes(blob)
