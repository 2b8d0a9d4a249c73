import json
from dataclasses import replace

import pytest

from maskstream_server.session.memory import MemoryDamagedError, SessionMemory, read_memory

MEMORY = SessionMemory(4, 30, 29, True, frozenset({3, 1, 8}), {"a/1": b"tracks"}, "abc")


def test_a_memory_comes_back_as_it_was():
    assert read_memory(4, 30, MEMORY.to_parts(), "now") == MEMORY


def test_a_memory_without_a_frame_comes_back_too():
    empty = SessionMemory(2, 5, 5, fingerprint="abc")
    assert read_memory(2, 5, empty.to_parts(), "now") == empty


def test_the_classes_of_tracks_and_those_that_are_mentioned_come_back():
    memory = replace(MEMORY, classes={3: 0, 8: 2}, reported=frozenset({0, 2}))
    assert read_memory(4, 30, memory.to_parts(), "now") == memory


@pytest.mark.parametrize(
    ("before", "after", "known"),
    [
        ({0}, {0}, {1, 3, 8}),  # track 3 was of class 0 when it was first mentioned
        ({0}, {0, 1}, {1, 3}),
        (None, {2}, {8}),
        ({0}, None, {1, 3, 8}),
    ],
)
def test_tracks_of_classes_that_are_not_wanted_any_more_are_forgotten(before, after, known):
    before, after = (each if each is None else frozenset(each) for each in (before, after))
    memory = replace(MEMORY, classes={1: 0, 3: 1, 8: 2}, reported=before).reporting(after)
    assert (memory.mentioned, memory.reported) == (known, after)


def test_a_session_that_committed_nothing_begins_with_this_model():
    assert read_memory(1, 0, {}, "now") == SessionMemory(fingerprint="now")


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        json.dumps({"schema": 1}).encode(),
        MEMORY.to_parts()["session"].replace(b"[1,3,8]", b"7"),
    ],
)
def test_a_damaged_part_is_refused(part):
    with pytest.raises(MemoryDamagedError):
        read_memory(1, 3, {"model/state": b"x", "session": part}, "now")


def test_a_model_without_its_session_part_is_refused():
    with pytest.raises(MemoryDamagedError):
        read_memory(1, 3, {"model/state": b"x"}, "now")
