import json

import pytest

from maskstream_server.session.memory import MemoryDamagedError, SessionMemory, read_memory

MEMORY = SessionMemory(4, 30, 29, True, frozenset({3, 1, 8}), {"a/1": b"tracks"}, "abc")


def test_a_memory_comes_back_as_it_was():
    assert read_memory(4, 30, MEMORY.to_parts(), "now") == MEMORY


def test_a_memory_without_a_frame_comes_back_too():
    empty = SessionMemory(2, 5, 5, fingerprint="abc")
    assert read_memory(2, 5, empty.to_parts(), "now") == empty


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
