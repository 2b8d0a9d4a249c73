"""From frame to frame: which events come, once each, and what flicker does to them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_model.port import ClassInfo, ModelInfo, TrackStatus
from maskstream_protocol.rules import read_rules
from maskstream_server.events.memory import NO_EVENTS, read_event_memory
from maskstream_server.events.observation import Observation, SeenTrack
from maskstream_server.events.regions import Measure
from maskstream_server.events.rules import EventRules
from maskstream_server.events.stepping import step

ZONE = [[0, 0], [1, 0], [1, 1]]
LINE = [[0.5, 0], [0.5, 1]]
INFO = ModelInfo(
    name="m",
    family="f",
    task="instances",
    classes=(ClassInfo("car", "#ff0000"), ClassInfo("person", "#00ff00")),
    report_score_min=0.3,
    fingerprint="x",
)
FRAME_US = 100_000
SEEN, MISSED, GONE = TrackStatus.TRACKED, TrackStatus.MISSED, TrackStatus.DISAPPEARED


def rules_of(on: str, **fields) -> EventRules:
    return EventRules.of(read_rules([{"name": "r", "on": on} | fields]), INFO, fps=10)


def track(share=None, number=1, label=0, score=0.9, status=SEEN, left=None, beside=True):
    """A track; `share` of it is in the zone, or right of the line."""
    if left is None:
        left = 0.0 if share is None else 1 - share
    measures = () if share is None else (Measure(share, left, beside),)
    return SeenTrack(number, label, score, status, measures)


def events_of(rules: EventRules, frames, epoch=1, times=None):
    """The frame (from 1) and track of each event; every memory goes through its bytes."""
    found, memory = [], NO_EVENTS
    for sequence, tracks in enumerate(frames, 1):
        pts_us = -1 if times is None else times[sequence - 1]
        seen = Observation(sequence, epoch, pts_us, tuple(tracks))
        events, memory = step(rules, memory, seen)
        assert read_event_memory(memory.to_bytes()) == memory
        found += [(sequence, event) for event in events]
    return found


def when(rules, *frames, **options):
    """The frames on which one track makes an event."""
    return [sequence for sequence, _ in events_of(rules, [[each] for each in frames], **options)]


def shares(*values):
    return [track(value) for value in values]


def test_a_track_emerges_once():
    rules = rules_of("emerged")
    ((sequence, event),) = events_of(rules, [[], [track()], [track()], [track(status=MISSED)]])
    assert sequence == 2
    assert event.to_json() == {
        "id": "1.r.1",
        "rule": "r",
        "type": "emerged",
        "track_id": 1,
        "class_id": 0,
        "label": "car",
        "score": 0.9,
    }


def test_a_track_that_is_only_missed_has_not_emerged():
    assert when(rules_of("emerged"), track(status=MISSED), track()) == [2]


def test_a_track_emerges_once_it_has_been_seen_for_long_enough():
    rules = rules_of("emerged", min_duration_s=0.3)
    assert when(rules, *[track()] * 6) == [4]
    assert when(rules, track(), track(status=GONE)) == []


def test_a_track_disappears_if_it_had_been_seen():
    assert when(rules_of("disappeared"), track(), track(status=MISSED), track(status=GONE)) == [3]
    assert when(rules_of("disappeared", min_score=0.95), track(), track(status=GONE)) == []


@pytest.mark.parametrize(
    ("changes", "num"),
    [({"classes": ["person"]}, 0), ({"classes": ["car"]}, 1), ({"min_score": 0.95}, 0)],
)
def test_only_some_classes_and_scores_count(changes, num):
    rules = rules_of("entered", zone=ZONE, **changes)
    assert len(when(rules, *shares(0.1, 0.9))) == num


def test_a_zone_is_entered_where_enough_of_the_mask_is_in_it_and_only_once():
    rules = rules_of("entered", zone=ZONE)
    assert when(rules, *shares(0.2, 0.49, 0.5, 0.49, 0.5, 0.1, 0.9)) == [3]
    assert when(rules_of("entered", zone=ZONE, share=0.9), *shares(0.8, 0.85, 0.95)) == [3]


def test_a_track_that_begins_inside_has_entered():
    assert when(rules_of("entered", zone=ZONE), *shares(0.9)) == [1]


def test_flicker_around_the_threshold_is_no_leaving():
    rules = rules_of("left", zone=ZONE)
    assert when(rules, *shares(0.5, 0.45, 0.5, 0.41, 0.5)) == []
    assert when(rules, *shares(0.5, 0.45, 0.4)) == [3]
    assert when(rules, *shares(0.1, 0.2, 0.1)) == []


def test_a_small_share_leaves_when_nothing_is_inside():
    rules = rules_of("left", zone=ZONE, share=0.05)
    assert when(rules, *shares(0.05, 0.01, 0.0)) == [3]


def test_a_track_that_disappears_inside_has_left():
    assert when(rules_of("left", zone=ZONE), track(0.9), track(status=GONE)) == [2]
    assert when(rules_of("left", zone=ZONE), track(0.1), track(status=GONE)) == []


def test_a_guessed_mask_neither_enters_nor_leaves():
    guess = track(status=MISSED)
    assert when(rules_of("left", zone=ZONE), track(0.9), guess, guess, track(0.9)) == []


def test_a_short_visit_does_not_count_where_a_duration_is_wanted():
    rules = rules_of("entered", zone=ZONE, min_duration_s=0.2)
    assert when(rules, *shares(0.9, 0.9, 0.1, 0.9, 0.9, 0.9)) == [6]


def test_dwelling_counts_time_in_the_zone_by_the_times_of_frames():
    rules = rules_of("dwelt", zone=ZONE, min_duration_s=10)
    times = [0, 4_000_000, 9_000_000, 10_000_000, 11_000_000]
    assert when(rules, *shares(0.9, 0.9, 0.9, 0.9, 0.9), times=times) == [4]
    assert when(rules_of("dwelt", min_duration_s=10), *[track()] * 5, times=times) == [4]


def test_times_that_go_back_count_as_one_frame():
    rules = rules_of("dwelt", min_duration_s=0.25)
    assert when(rules, *[track()] * 4, times=[5_000_000, 0, 100_000, 200_000]) == [4]
    assert when(rules, *[track()] * 4, times=[-1, 900_000, -1, -1]) == [4]


@pytest.mark.parametrize(
    ("direction", "num"), [(None, 1), ("to_right", 1), ("to_left", 0)], ids=str
)
def test_a_line_is_crossed_in_a_direction(direction, num):
    rules = rules_of("crossed", line=LINE, direction=direction)
    found = events_of(rules, [[each] for each in shares(0.0, 0.3, 0.59, 0.6, 1.0)])
    assert [(sequence, event.direction) for sequence, event in found] == [(4, "to_right")] * num


def test_back_and_forth_at_a_line_counts_once():
    rules = rules_of("crossed", line=LINE)
    assert when(rules, *shares(0.0, 0.5, 0.45, 0.55, 0.5)) == []
    assert when(rules, *shares(0.0, 0.9, 0.0, 0.9)) == [2]


def test_who_goes_around_the_end_of_a_line_has_not_crossed_it():
    rules = rules_of("crossed", line=LINE)
    around = [track(0.0), track(0.9, beside=False), track(0.9)]
    assert when(rules, *around) == []


def test_a_crossing_has_to_last():
    rules = rules_of("crossed", line=LINE, min_duration_s=0.2)
    assert when(rules, *shares(0, 0, 0, 0.9, 0, 0, 0, 0.9, 0.9, 0.9)) == [10]


def test_a_count_is_reported_each_time_that_it_has_risen():
    rules = rules_of("count_above", count=1)
    one, two = track(number=1), track(number=2)
    gone = replace(two, status=GONE)
    frames = [[one], [one, two], [one, two], [one, gone], [one], [one, track(number=3)]]
    found = events_of(rules, frames)
    assert [(sequence, event.id, event.count) for sequence, event in found] == [
        (2, "1.r.1", 2),
        (6, "1.r.2", 2),
    ]


def test_a_count_looks_at_a_zone_and_has_to_last():
    rules = rules_of("count_above", count=0, zone=ZONE, min_duration_s=0.2)
    assert when(rules, *shares(0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9)) == [6]


def test_a_missed_track_still_counts():
    rules = rules_of("count_above", count=0)
    assert when(rules, track(), track(status=MISSED), track()) == [1]


def test_nothing_is_remembered_of_tracks_that_are_gone():
    rules = rules_of("entered", zone=ZONE)
    _, memory = step(rules, NO_EVENTS, Observation(1, 1, -1, (track(0.9),)))
    assert memory.cells
    _, memory = step(rules, memory, Observation(2, 1, -1, (track(status=GONE),)))
    assert not memory.cells


@pytest.mark.parametrize(
    ("fields", "classes", "sentence"),
    [
        ({"classes": ["cat"]}, None, "names the class 'cat'; the classes are: car, person"),
        ({"classes": ["car"]}, ["person"], "names the class 'car', which classes leaves out"),
    ],
)
def test_classes_that_cannot_be_are_refused(fields, classes, sentence):
    rules = read_rules([{"name": "r", "on": "emerged"} | fields])
    with pytest.raises(ValueError, match=sentence):
        EventRules.of(rules, INFO, classes)


def test_a_semantic_model_follows_no_objects():
    rules = read_rules([{"name": "r", "on": "emerged"}])
    with pytest.raises(ValueError, match="follows no objects"):
        EventRules.of(rules, replace(INFO, task="semantic"))


ALL = read_rules(
    [
        {"name": "a", "on": "entered", "zone": ZONE, "min_duration_s": 0.2},
        {"name": "b", "on": "left", "zone": ZONE},
        {"name": "c", "on": "crossed", "line": LINE},
        {"name": "d", "on": "dwelt", "zone": ZONE, "min_duration_s": 0.5},
        {"name": "e", "on": "emerged"},
        {"name": "f", "on": "disappeared"},
        {"name": "g", "on": "count_above", "count": 1, "zone": ZONE},
    ]
)


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=25))
def test_whatever_tracks_do_each_rule_and_track_has_one_event(walks):
    rules = EventRules.of(ALL, INFO, fps=10)
    frames = [
        [
            replace(track(share, number), measures=(Measure(share, 1 - share),) * len(ALL))
            for number, share in enumerate(row, 1)
        ]
        for row in walks
    ]
    ids = [event.id for _, event in events_of(rules, frames)]
    assert len(set(ids)) == len(ids)
