"""Which tracks a client is told of, from the first mention to the last."""

import numpy as np

from maskstream_model.port import TrackStatus
from maskstream_server.engine.reporting import Report, report

EMERGED, TRACKED, MISSED, DISAPPEARED = TrackStatus


def told(tracks: dict[int, tuple[int, float]], mentioned: set[int] = frozenset()) -> Report:
    """Report tracks {id: (status, score)} at a min_score of 0.5."""
    return report(
        np.array(list(tracks), np.int64),
        np.array([status for status, _ in tracks.values()], np.int64),
        np.array([score for _, score in tracks.values()], np.float32),
        frozenset(mentioned),
        0.5,
    )


def test_a_track_is_first_mentioned_when_its_score_is_good_enough():
    assert told({7: (EMERGED, 0.4)}).rows.tolist() == []
    later = told({7: (TRACKED, 0.5)})
    assert later.rows.tolist() == [0]
    assert later.status.tolist() == [EMERGED]
    assert later.mentioned == {7}


def test_a_missed_track_is_not_first_mentioned():
    assert told({7: (MISSED, 0.9)}).rows.tolist() == []


def test_a_mentioned_track_stays_whatever_its_score():
    now = told({7: (MISSED, 0.1), 8: (TRACKED, 0.1)}, {7})
    assert now.rows.tolist() == [0]
    assert now.status.tolist() == [MISSED]
    assert now.mentioned == {7}


def test_a_disappeared_track_is_mentioned_for_the_last_time():
    now = told({7: (DISAPPEARED, 0.9), 8: (TRACKED, 0.9)}, {7, 8})
    assert now.status.tolist() == [DISAPPEARED, TRACKED]
    assert now.mentioned == {8}


def test_a_track_that_was_never_mentioned_disappears_unmentioned():
    assert told({7: (DISAPPEARED, 0.9)}).rows.tolist() == []


def test_a_frame_without_tracks_reports_none():
    assert told({}).rows.tolist() == []
    assert told({}).mentioned == frozenset()
