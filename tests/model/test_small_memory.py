"""Memories of a few numbers: what is written comes back, and nothing else is taken."""

import json
from dataclasses import dataclass

import pytest

from maskstream_model.errors import StateError
from maskstream_model.pixel_masks import pixel_result
from maskstream_model.port import ModelInfo
from maskstream_model.small_memory import SmallMemory


@dataclass(frozen=True)
class Memory:
    num_frames: int = 0
    track_id: int = 7


class Model(SmallMemory[Memory]):
    memory = Memory
    info = ModelInfo("tiny", "tiny", "instances", (), fingerprint="ab")

    def follow(self, frame, state, options):
        number = state.num_frames + 1
        return pixel_result(number, frame.shape[:2], []), Memory(number, state.track_id)


def test_a_session_begins_with_the_defaults_and_its_memory_comes_back():
    model = Model()
    assert model.begin() == Memory(0, 7)
    assert model.from_parts(model.to_parts(Memory(3, 8))) == Memory(3, 8)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (["cd", 1, 2], "of cd, not of ab"),
        (["ab", 1], "damaged: 1 numbers"),
        (["ab", 1, 2, 3], "damaged"),
        (["ab", -1, 2], "no number"),
        (["ab", 1, True], "no number"),
        (["ab", 1, 2.0], "no number"),
        (["ab", 1, "2"], "no number"),
        ([], "damaged"),
        (7, "damaged"),
    ],
)
def test_numbers_that_cannot_be_are_refused(content, reason):
    parts = {"memory": json.dumps(content).encode()}
    with pytest.raises(StateError, match=reason):
        Model().from_parts(parts)


def test_json_that_is_nested_too_deeply_is_refused():
    with pytest.raises(StateError, match="the part memory is damaged"):
        Model().from_parts({"memory": b"[" * 100_000})


@pytest.mark.parametrize("parts", [{}, {"memory": b"[]", "more": b""}, {"other": b"[]"}])
def test_other_parts_are_refused(parts):
    with pytest.raises(StateError, match="only part is memory"):
        Model().from_parts(parts)
