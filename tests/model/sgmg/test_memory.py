"""Tracks of texts, and the part that holds them."""

import json

import pytest
import torch

from maskstream_model.errors import StateError
from maskstream_model.port import TrackStatus
from maskstream_model.sgmg.memory import Found, Memory, SgmgState, Track, follow
from maskstream_model.sgmg.state_parts import PART, state_from_parts, state_to_parts

MEMORY = Memory(9, 4, (Track(1, 0, 2), Track(3, 5, 9)))


def found(class_id, visible=True):
    return Found(class_id, 0.5, torch.ones(4, 4), visible)


def listed(rows):
    return [(row.track.track_id, row.track.class_id, row.status) for row in rows]


def test_a_track_begins_where_its_text_is_first_seen():
    rows, memory, _ = follow(Memory(), [found(0, visible=False), found(1)], None)
    assert listed(rows) == [(1, 1, TrackStatus.EMERGED)]
    rows, memory, _ = follow(memory, [found(0), found(1)], None)
    assert listed(rows) == [(2, 0, TrackStatus.EMERGED), (1, 1, TrackStatus.TRACKED)]
    assert memory == Memory(2, 3, (Track(2, 0, 2), Track(1, 1, 1)))


def test_a_track_is_missed_where_its_text_is_not_seen_and_ends_with_it():
    rows, memory, _ = follow(MEMORY, [found(5, visible=False)], None)
    assert listed(rows) == [(3, 5, TrackStatus.MISSED), (1, 0, TrackStatus.DISAPPEARED)]
    assert memory.tracks == (Track(3, 5, 9),)
    rows, memory, _ = follow(memory, [found(0)], None)
    assert listed(rows) == [(4, 0, TrackStatus.EMERGED), (3, 5, TrackStatus.DISAPPEARED)]


def test_a_track_that_ends_makes_room_for_another():
    rows, _, refused = follow(MEMORY, [found(5), found(7), found(8)], 2)
    assert listed(rows)[:2] == [(3, 5, TrackStatus.TRACKED), (4, 7, TrackStatus.EMERGED)]
    assert refused == 1


def test_the_part_holds_the_memory_but_no_frames():
    parts = state_to_parts(SgmgState(MEMORY, ("waits",)), "abc")
    assert state_from_parts(parts, "abc", None) == SgmgState(MEMORY)


WRONG = {
    "is damaged": b"{",
    "does not have": json.dumps({"schema": 1}).encode(),
    "belongs to model": None,
}


@pytest.mark.parametrize(("sentence", "blob"), WRONG.items())
def test_a_damaged_part_is_refused(sentence, blob):
    parts = state_to_parts(SgmgState(MEMORY), "abc")
    with pytest.raises(StateError, match=sentence):
        state_from_parts(parts if blob is None else {PART: blob}, "other", None)


CHANGES = {
    "no count": {"num_frames": -1},
    "which is no count": {"next_track_id": 1.5},
    "three numbers": {"tracks": [[1, 2]]},
    "a track with": {"tracks": [[1, "x", 2]]},
    "ids are not unique": {"tracks": [[1, 0, 1], [1, 5, 1]]},
    "of one text": {"tracks": [[1, 5, 1], [2, 5, 1]]},
    "never given": {"tracks": [[4, 0, 1]]},
    "no frame before": {"tracks": [[1, 0, 10]]},
    "schema": {"schema": 2},
}


@pytest.mark.parametrize(("sentence", "change"), CHANGES.items())
def test_a_memory_that_no_step_gives_is_refused(sentence, change):
    facts = json.loads(state_to_parts(SgmgState(MEMORY), "abc")[PART])
    with pytest.raises(StateError, match=sentence):
        state_from_parts({PART: json.dumps({**facts, **change}).encode()}, "abc", None)


def test_more_tracks_than_are_allowed_are_refused():
    with pytest.raises(StateError, match="2 tracks; at most 1"):
        state_from_parts(state_to_parts(SgmgState(MEMORY), "abc"), "abc", 1)
