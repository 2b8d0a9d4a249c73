"""Which tracks a client gets, from the first mention to the last."""

from dataclasses import dataclass

import numpy as np

from maskstream_model.pixel_masks import PixelMasks
from maskstream_model.port import FrameResult, TrackStatus, TrackTable
from maskstream_server.session.reporting import ResultOptions, mention, report_frame

EMERGED, TRACKED, MISSED, DISAPPEARED = TrackStatus


@dataclass
class Shown:
    rows: np.ndarray
    status: np.ndarray
    mentioned: frozenset[int]


def table(tracks: dict[int, tuple[int, float]], **columns: list) -> TrackTable:
    """Tracks {id: (status, score)}; all of class 0, each may be mentioned."""
    count = len(tracks)
    return TrackTable(
        track_ids=np.array(list(tracks), np.int64),
        labels=np.array(columns.get("labels", [0] * count), np.int64),
        scores=np.array([score for _, score in tracks.values()], np.float32),
        status=np.array([status for status, _ in tracks.values()], np.int64),
        ages=np.ones(count, np.int64),
        things=np.ones(count, bool),
        mentionable=np.array(columns.get("mentionable", [True] * count), bool),
    )


def reported(tracks, mentioned: set[int] = frozenset(), classes=None, **columns) -> Shown:
    """Mention tracks {id: (status, score)} at a min_score of 0.5."""
    return Shown(*mention(table(tracks, **columns), frozenset(mentioned), 0.5, classes))


def test_a_track_is_first_mentioned_when_its_score_is_good_enough():
    assert reported({7: (EMERGED, 0.4)}).rows.tolist() == []
    later = reported({7: (TRACKED, 0.5)})
    assert later.rows.tolist() == [0]
    assert later.status.tolist() == [EMERGED]
    assert later.mentioned == {7}


def test_a_missed_track_is_not_first_mentioned():
    assert reported({7: (MISSED, 0.9)}).rows.tolist() == []


def test_a_mentioned_track_stays_whatever_its_score():
    now = reported({7: (MISSED, 0.1), 8: (TRACKED, 0.1)}, {7})
    assert now.rows.tolist() == [0]
    assert now.status.tolist() == [MISSED]
    assert now.mentioned == {7}


def test_a_disappeared_track_is_mentioned_for_the_last_time():
    now = reported({7: (DISAPPEARED, 0.9), 8: (TRACKED, 0.9)}, {7, 8})
    assert now.status.tolist() == [DISAPPEARED, TRACKED]
    assert now.mentioned == {8}


def test_a_track_that_was_never_mentioned_disappears_unmentioned():
    assert reported({7: (DISAPPEARED, 0.9)}).rows.tolist() == []


def test_a_track_that_a_frame_does_not_list_stays_known():
    now = reported({8: (TRACKED, 0.9)}, {7})
    assert (now.rows.tolist(), now.mentioned) == ([0], {7, 8})


def test_a_frame_without_tracks_reports_none():
    assert reported({}).rows.tolist() == []
    assert reported({}).mentioned == frozenset()


def test_a_track_that_may_not_be_mentioned_yet_is_not_but_stays_once_it_is():
    tracks = {7: (TRACKED, 0.9), 8: (TRACKED, 0.9)}
    assert reported(tracks, mentionable=[False, True]).rows.tolist() == [1]
    assert reported(tracks, {7}, mentionable=[False, True]).rows.tolist() == [0, 1]


def test_only_some_classes_are_mentioned_and_a_track_that_changes_its_class_stays():
    tracks = {7: (TRACKED, 0.9), 8: (TRACKED, 0.9)}
    assert reported(tracks, classes=frozenset({2}), labels=[1, 2]).rows.tolist() == [1]
    assert reported(tracks, {7}, classes=frozenset({2}), labels=[1, 2]).rows.tolist() == [0, 1]


def test_classes_of_a_semantic_picture_are_those_with_a_pixel_and_never_emerge():
    values = np.full((2, 8, 8), -1, np.float32)
    values[1, :1, :3] = 1
    tracks = table({1: (TRACKED, 0.1), 2: (TRACKED, 0.1)}, labels=[0, 1])
    result = FrameResult(1, (8, 8), tracks, PixelMasks(values))
    shown = report_frame(result, frozenset(), ResultOptions(0.5, None, tracks_classes=True))
    assert (shown.tracks.track_ids.tolist(), shown.tracks.status.tolist()) == ([2], [TRACKED])
    assert (shown.crops, shown.mentioned) == (None, frozenset())
    masks = report_frame(result, frozenset(), ResultOptions(0.5, 1.0, tracks_classes=True)).crops
    assert masks is not None
    assert (masks.areas.tolist(), len(masks.bitmaps)) == ([3], 1)
    other = ResultOptions(0.5, 1.0, classes=frozenset({0}), tracks_classes=True)
    assert report_frame(result, frozenset(), other).tracks.track_ids.tolist() == []
