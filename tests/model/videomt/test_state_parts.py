"""Memories of VidEoMT as parts: what a frame changes, and what is refused."""

import json
from functools import cache

import pytest
import torch

from maskstream_model.errors import StateError
from maskstream_model.port import SessionOptions
from support.tiny import tiny_frames
from support.videomt import tiny_model

FRAMES = tiny_frames(14, seed=1)


@cache
def stepped(num_frames=14):
    model, state = tiny_model(), tiny_model().begin()
    for frame in FRAMES[:num_frames]:
        _, state = model.track_frame(frame, state)
    return model, state


@pytest.mark.parametrize("num_frames", [0, 1, 14])
def test_a_memory_comes_back_as_it_was(num_frames):
    model, state = stepped(num_frames)
    again = model.from_parts(model.to_parts(state))
    for name in ("queries", "logit_sums", "track_ids", "birth_frames", "missed_frames"):
        assert torch.equal(getattr(again, name), getattr(state, name)), name
    assert again.num_frames == num_frames


def test_the_size_of_a_memory_is_that_of_its_queries_and_living_tracks():
    model, state = stepped()
    parts = model.to_parts(state)
    network = model.config.network
    assert set(parts) == {"facts", "queries", "logit_sums"}
    assert len(parts["queries"]) == 4 * network.num_queries * network.width
    assert len(parts["logit_sums"]) == 4 * int(state.living.sum()) * 5


def changed(**values):
    model, state = stepped()
    parts = model.to_parts(state)
    facts = json.loads(parts["facts"])
    return parts | {"facts": json.dumps({**facts, **values}).encode()}


def tracks(*rows):
    """The facts of tracks, and logit sums for the living ones."""
    living = sum(row[2] is not None for row in rows)
    return changed(tracks=rows) | {"logit_sums": bytes(4 * 5 * living)}


WRONG = {
    "cannot be read": lambda: changed(strange=1),
    "schema 2": lambda: changed(schema=2),
    "belongs to model x": lambda: changed(fingerprint="x"),
    "name no model": lambda: changed(fingerprint=3),
    "no count": lambda: changed(num_frames=-1),
    "queries must ascend": lambda: tracks([1, 2, 0, 0], [0, 1, 0, 0]),
    "those of the model": lambda: tracks([8, 1, 0, 0]),
    "ids must be those": lambda: tracks([1, 3, 0, 0]),
    "within the frames seen": lambda: tracks([1, 2, 14, 0]),
    "fewer than the age": lambda: tracks([1, 2, 13, 1]),
    "make a track disappear": lambda: tracks([1, 2, 0, 3]),
    "ended must have missed nothing": lambda: tracks([1, 2, None, 1]),
    "as many tracks as there were frames": lambda: tracks([1, 2 + 8 * 14, 13, 0]),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_no_step_gives_is_refused(sentence):
    model, _ = stepped()
    with pytest.raises(StateError, match=sentence):
        model.from_parts(WRONG[sentence]())


def test_a_memory_with_tracks_right_by_hand_is_taken():
    model, _ = stepped()
    state = model.from_parts(tracks([0, 1, None, 0], [1, 10, 3, 2]))
    assert state.living.nonzero()[:, 0].tolist() == [1]


def test_more_tracks_than_may_live_are_refused():
    model, state = stepped()
    living = int(state.living.sum())
    assert living > 1
    model.from_parts(model.to_parts(state), SessionOptions(max_tracks=living))
    with pytest.raises(StateError, match=f"at most {living - 1} are allowed"):
        model.from_parts(model.to_parts(state), SessionOptions(max_tracks=living - 1))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e20])
def test_numbers_that_no_network_gives_are_refused(value):
    model, state = stepped()
    parts = model.to_parts(state)
    wrong = torch.full((8, 32), value).numpy().tobytes()
    with pytest.raises(StateError, match="queries"):
        model.from_parts(parts | {"queries": wrong})
