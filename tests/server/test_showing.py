"""Which tracks are drawn."""

import numpy as np

from maskstream_drawing.painting import DrawnObject
from maskstream_drawing.showing import Showing
from maskstream_protocol.records import Status

MASK = np.ones((2, 2), bool)


def track(number: int, score: float, status: Status = Status.TRACKED) -> DrawnObject:
    return DrawnObject(number, "cat", score, status, (0, 0, 2, 2), MASK)


def shown(showing: Showing, *objects: DrawnObject) -> list[tuple[int, str]]:
    return [(each.track_id, each.status.name) for each in showing.of_frame(objects)]


def test_a_track_is_shown_from_the_frame_on_where_it_is_sure_enough_until_it_goes():
    showing = Showing(0.5)
    assert shown(showing, track(1, 0.4, Status.EMERGED)) == []
    assert shown(showing, track(1, 0.5)) == [(1, "EMERGED")]
    assert shown(showing, track(1, 0.2)) == [(1, "TRACKED")]
    assert shown(showing, track(1, 0.1, Status.MISSED)) == [(1, "MISSED")]
    assert shown(showing, track(1, 0.0, Status.DISAPPEARED)) == [(1, "DISAPPEARED")]
    assert shown(showing, track(1, 0.4)) == []


def test_a_track_that_was_never_sure_enough_leaves_no_mark_when_it_goes():
    showing = Showing(0.5)
    shown(showing, track(1, 0.4, Status.EMERGED))
    assert shown(showing, track(1, 0.9, Status.MISSED)) == []
    assert shown(showing, track(1, 0.9, Status.DISAPPEARED)) == []


def test_tracks_are_judged_each_for_itself_and_stay_in_order():
    showing = Showing(0.5)
    assert shown(showing, track(3, 0.9), track(2, 0.1), track(1, 0.7)) == [
        (3, "EMERGED"),
        (1, "EMERGED"),
    ]


def test_without_a_threshold_everything_is_shown_as_it_is():
    tracks = [track(1, 0.0), track(2, 0.1, Status.MISSED), track(3, 0.0, Status.DISAPPEARED)]
    assert Showing(0.0).of_frame(tracks) == tracks


def test_identities_that_start_over_are_judged_anew():
    showing = Showing(0.5)
    shown(showing, track(1, 0.9))
    showing.forget()
    assert shown(showing, track(1, 0.4)) == []
