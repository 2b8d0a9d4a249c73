"""Emergence, disappearance and identities on clips drawn by hand.

A clip is written as strings, one per row and a character per frame. Objects: the place where the
object is (a digit), "." where it is not. Tracks: the place that the mask covers, "." while the
track is not listed; a letter places a..j is the same place on a frame where the track is missed.
"""

import numpy as np
import pytest

from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.identity import IdentityCounts, count_identities, visits
from maskstream_train.evaluation.records import TrackFrame, VideoRecorder

PLACES = 10


def _mask(place: str) -> np.ndarray:
    mask = np.zeros((1, 2 * PLACES), dtype=bool)
    if place != ".":
        index = int(place) if place.isdigit() else ord(place) - ord("a")
        mask[0, 2 * index : 2 * index + 2] = True
    return mask


def _frame(places: list[str]) -> TrackFrame:
    listed = [index for index, place in enumerate(places) if place != "."]
    masks = [_mask(places[index]) for index in listed]
    return TrackFrame(
        track_ids=np.array(listed, dtype=np.int64) + 1,
        status=np.array(
            [TrackStatus.TRACKED if places[i].isdigit() else TrackStatus.MISSED for i in listed],
            np.int64,
        ),
        scores=np.ones(len(listed)),
        class_scores=np.zeros((len(listed), 1)),
        masks=np.array(masks).reshape(len(listed), 1, 2 * PLACES),
    )


def count(objects: list[str], tracks: list[str]) -> IdentityCounts:
    recorder = VideoRecorder(np.zeros(len(objects), dtype=np.int64))
    for time in range(len(objects[0])):
        truth = np.array([_mask(row[time]) for row in objects])
        recorder.add(_frame([row[time] for row in tracks]), truth)
    return count_identities(recorder.record())


def test_a_perfect_run_has_full_marks_in_everything() -> None:
    objects = ["..0000........", "11111111111111", "......222....."]
    tracks = ["..0000aaaaa...", "11111111111111", "......222ccccc"]
    counts = count(objects, tracks)
    assert counts.emergence_recall == counts.disappearance_recall == 1
    assert (counts.emerged, counts.disappeared) == (2, 2)
    assert counts.unswitched_share == counts.recall == counts.precision == 1
    assert counts.track_precision == 1
    assert counts.switches == 0


@pytest.mark.parametrize(
    ("objects", "tracks", "returns"),
    [
        (["00......00"], ["00aaaaaa00"], (1, 1, 0)),
        (["00......00"], ["00........", "........00"], (1, 0, 0)),
        (["00......00", "11........"], ["00........", "11......00"], (1, 0, 1)),
        # Whose identity it had before, too, it is itself.
        (["000.....00", "1111......"], ["0111......", ".00.....00"], (1, 1, 0)),
        (["00......00"], ["00........"], (0, 0, 0)),
        (["00......00"], ["........00"], (0, 0, 0)),
        (["00..00"], ["00..00"], (0, 0, 0)),
    ],
)
def test_a_return_is_as_itself_as_another_or_new(objects, tracks, returns) -> None:
    counts = count(objects, tracks)
    assert (counts.returned, counts.returned_as_itself, counts.returned_as_another) == returns


@pytest.mark.parametrize(("late", "found"), [(0, 1), (3, 1), (4, 0)])
def test_an_emerging_object_must_be_covered_within_three_frames(late: int, found: int) -> None:
    counts = count(["..00000000"], [".." + "." * late + "0" * (8 - late)])
    assert (counts.emerged, counts.emerged_found) == (1, found)


def test_a_missed_track_covers_nothing() -> None:
    counts = count(["..00000000"], ["..aaaa0000"])
    assert counts.emerged_found == 0


def test_an_object_there_from_the_start_does_not_emerge() -> None:
    assert count(["0000000000"], ["0000000000"]).emerged == 0


@pytest.mark.parametrize(("stays", "noticed"), [(0, 1), (3, 1), (4, 0)])
def test_a_vanished_object_must_be_let_go_within_three_frames(stays: int, noticed: int) -> None:
    tail = "0" * stays + "a" * (6 - stays)
    counts = count(["0000......"], ["0000" + tail])
    assert (counts.disappeared, counts.disappeared_noticed) == (1, noticed)


def test_every_track_that_covered_a_vanished_object_must_let_go() -> None:
    assert count(["0000......"], ["00........", "..00000000"]).disappeared_noticed == 0


def test_the_disappearance_of_an_object_never_found_is_not_noticed() -> None:
    counts = count(["0000......"], ["5555......"])
    assert (counts.disappeared, counts.disappeared_noticed) == (1, 0)


def test_a_blink_is_no_event_but_a_longer_absence_is_two() -> None:
    assert count(["000...0000"], ["0000000000"]).emerged == 0
    counts = count(["000....0000"], ["000aaaa0000"])
    assert (counts.emerged_found, counts.disappeared_noticed) == (1, 1)


def test_events_too_close_to_the_end_are_left_out() -> None:
    counts = count(["000000000.", ".......000", "000000...."], [".........."])
    assert (counts.emerged, counts.disappeared) == (0, 1)


def test_a_change_of_track_is_a_switch_also_after_a_gap() -> None:
    counts = count(["000000"], ["00....", "....00"])
    assert (counts.switches, counts.unswitched_share) == (1, 0)


def test_a_second_track_on_the_same_object_is_no_switch_but_costs_precision() -> None:
    counts = count(["000000"], ["000000", "..0000"])
    assert counts.switches == 0
    assert counts.precision == pytest.approx(0.6)
    assert counts.track_precision == 0.5


def test_two_tracks_that_swap_objects_are_two_switches() -> None:
    counts = count(["0000", "1111"], ["0011", "1100"])
    assert counts.switches == 2
    assert counts.recall == 1


def test_an_object_never_found_is_not_asked_about_switches() -> None:
    counts = count(["0000", "1111"], ["0000"])
    assert (counts.objects, counts.objects_found, counts.unswitched_share) == (2, 1, 1)
    assert counts.recall == 0.5


def test_counts_of_videos_add_up() -> None:
    one = count(["..00000000"], ["..00000000"])
    assert (one + one).emerged == 2
    assert (one + one).emergence_recall == 1


def test_nothing_to_measure_is_minus_one() -> None:
    assert IdentityCounts().emergence_recall == -1


def test_visits_end_with_absences_longer_than_a_blink() -> None:
    visible = np.array([c == "x" for c in "..xx...xx....x."])
    assert visits(visible, within=3) == [(2, 8), (13, 13)]
    assert visits(np.zeros(4, dtype=bool), within=3) == []


def test_hidden_tracks_do_not_count() -> None:
    recorder = VideoRecorder(np.zeros(1, dtype=np.int64))
    for _ in range(3):
        recorder.add(_frame(["0"]), np.array([_mask("0")]))
    record = recorder.record()
    assert count_identities(record.shown(0.9)).recall == 1
    assert count_identities(record.shown(1.1)).track_frames == 0
