"""What a viewer makes of what it receives: every frame since its first message is reported once."""

import pytest

from client.server_side import MODEL, result
from maskstream_client import SessionUnknownError, events
from maskstream_client.viewer_session import ViewerSession
from maskstream_protocol import notices
from maskstream_protocol.errors import StoreAwayError


def greeting(sequence, epoch=1):
    return notices.Watching("s", epoch, sequence, MODEL).to_json()


def reported(viewing, *messages):
    """Index of each frame that is reported, with how it was."""
    found = [event for message in messages for event in viewing.receive(message)]
    frames = [each for each in found if not isinstance(each, events.Watching)]
    return [(each.frame_index, getattr(each, "reason", None)) for each in frames]


def frame(sequence, epoch=1):
    return result(sequence, epoch=epoch).encode()


def dropped(first, last):
    return notices.Drop(first, last, "superseded").to_json()


def test_results_come_from_the_greeting_on():
    assert reported(ViewerSession(), greeting(3), frame(4), frame(5)) == [(3, None), (4, None)]


def test_what_the_viewer_missed_is_reported_frame_by_frame():
    seen = reported(ViewerSession(), greeting(3), dropped(4, 5), frame(6))
    assert seen == [(3, "superseded"), (4, "superseded"), (5, None)]


def test_frames_that_the_session_dropped_are_reported_as_lost():
    assert reported(ViewerSession(), greeting(3), frame(6)) == [(3, "lost"), (4, "lost"), (5, None)]


def test_nothing_is_reported_twice_and_what_passed_between_connections_is_lost():
    viewing = ViewerSession()
    reported(viewing, greeting(3), frame(4))
    viewing.connection_lost()
    assert viewing.watching is None
    seen = reported(viewing, greeting(6), frame(4), dropped(5, 7), frame(8))
    assert seen == [(4, "lost"), (5, "lost"), (6, "superseded"), (7, None)]


def test_a_new_epoch_is_reported_before_its_first_result():
    viewing = ViewerSession()
    reported(viewing, greeting(3, epoch=2), frame(4, epoch=2))
    reset, answered = viewing.receive(frame(5, epoch=3))
    assert reset == events.IdentitiesReset(3, "client")
    assert answered.frame_index == 4


def test_an_unknown_session_and_other_refusals_are_exceptions():
    unknown = notices.ErrorMessage("session_unknown", "No.", False, None, True)
    with pytest.raises(SessionUnknownError, match="No"):
        ViewerSession().receive(unknown.to_json())
    away = notices.ErrorMessage.of(StoreAwayError("Away."), fatal=True)
    with pytest.raises(StoreAwayError):
        ViewerSession().receive(away.to_json())
