"""The client's side over several connections: what is sent again, what starts over."""

import pytest

from client.server_side import result, welcome
from client.talk import PICTURE, SIZE, Conversation, connected, indices
from maskstream_client import events
from maskstream_protocol import notices
from maskstream_protocol.errors import StaleEpochError
from maskstream_protocol.messages import Bye, Flush, Reset


def test_what_is_not_durable_is_sent_again_from_the_next_sequence():
    talk = connected()
    talk.push(4)
    talk.take()
    for sequence in (1, 2, 3):
        talk.receive(result(sequence))
    talk.receive(notices.Credit(frames=3, bytes=3 * SIZE, durable_sequence=1))
    talk.session.connection_lost()
    hello, _ = talk.connect(resumed=True, next_sequence=2, token="new")
    assert hello["resume"] == {"token": "token", "last_sequence": 3}
    assert talk.take() == [(2, 1), (3, 1), (4, 1)]
    assert [indices(talk.receive(result(each))) for each in (2, 3, 4)] == [[], [], [3]]
    assert talk.session.resume_token == "new"


def test_a_committed_result_that_was_lost_arrives_after_the_resume():
    talk = connected()
    talk.push(2)
    talk.take()
    talk.session.connection_lost()
    hello, _ = talk.connect(resumed=True, next_sequence=3)
    assert hello["resume"]["last_sequence"] == 0
    assert talk.take() == ["flush"]
    assert indices(talk.receive(result(1, durable=True)) + talk.receive(result(2))) == [0, 1]
    assert talk.session.num_in_flight == 0


def test_a_drop_that_was_lost_with_its_connection_is_reported_at_the_next_result():
    talk = connected()
    talk.push(3)
    talk.take()
    talk.session.connection_lost()
    talk.connect(resumed=True, next_sequence=3)
    assert talk.take() == ["flush"]
    came = talk.receive(result(2, durable=True))
    assert came[0] == events.Dropped(0, "lost")
    assert indices(came) == [1]


def test_new_frames_wait_until_what_a_server_repeats_has_come():
    """A second loss would else cost results for which the server has no place any more."""
    talk = connected()
    talk.push(3)
    talk.take()
    talk.session.connection_lost()
    talk.connect(resumed=True, next_sequence=3)
    assert not talk.session.has_room(PICTURE)
    assert talk.take() == ["flush"]
    assert indices(talk.receive(result(1)) + talk.receive(result(2))) == [0, 1]
    assert talk.take() == []
    talk.receive(notices.Flushed("resumed", 2))
    assert talk.take() == [(3, 1)]
    assert talk.session.has_room(PICTURE)


def test_a_drop_that_was_lost_is_reported_where_nothing_comes_after_it():
    talk = connected(max_in_flight=1)
    talk.push(1)
    talk.take()
    talk.session.connection_lost()
    talk.connect(resumed=True, next_sequence=2)
    assert talk.take() == ["flush"]
    assert not talk.session.has_room(PICTURE)
    assert talk.receive(notices.Flushed("resumed", 1)) == [events.Dropped(0, "lost")]
    assert talk.session.num_in_flight == 0
    assert talk.session.has_room(PICTURE)


def test_credit_starts_anew_with_every_welcome():
    talk = connected(frames=2)
    talk.push(2)
    talk.take()
    talk.session.connection_lost()
    talk.connect(frames=1, resumed=True, next_sequence=1)
    assert talk.take() == [(1, 1)]


def test_a_durable_result_settles_every_frame_before_it():
    talk = connected()
    talk.push(3)
    talk.take()
    for sequence in (1, 2):
        talk.receive(result(sequence))
    talk.receive(result(3, durable=True))
    talk.session.connection_lost()
    talk.connect(resumed=True, next_sequence=4)
    assert talk.take() == []
    talk.push()
    assert talk.take() == [(4, 1)]


def test_a_client_that_let_frames_go_says_reset_and_continues():
    talk = connected(max_kept_bytes=2 * SIZE)
    for sequence in (1, 2, 3, 4):
        talk.push()
        talk.take()
        talk.receive(result(sequence))
    talk.push()
    talk.take()
    talk.session.connection_lost()
    talk.connect(resumed=True, next_sequence=2)
    assert talk.take() == ["reset"]
    came = talk.receive(notices.ResetNotice(epoch=2, reason="client", next_sequence=2))
    assert came == [events.IdentitiesReset(2, "client")]
    assert talk.take() == [(2, 2)]
    assert indices(talk.receive(result(2, epoch=2))) == [4]


def test_a_lost_session_is_reported_and_unanswered_frames_are_sent_to_the_new_one():
    talk = connected()
    talk.push(3)
    talk.take()
    talk.receive(result(1))
    talk.session.connection_lost()
    _, came = talk.connect(resumed=False)
    assert came == [events.Connected(welcome(resumed=False))]
    came = talk.receive(notices.ResetNotice(epoch=1, reason="expired", next_sequence=1))
    assert came == [events.IdentitiesReset(1, "expired")]
    assert talk.take() == [(1, 1), (2, 1)]
    assert indices(talk.receive(result(1)) + talk.receive(result(2))) == [1, 2]


def test_a_result_that_went_down_with_its_session_is_reported_as_lost():
    talk = connected()
    talk.push(2)
    talk.take()
    talk.receive(notices.Credit(frames=0, bytes=0, durable_sequence=1))
    talk.session.connection_lost()
    _, came = talk.connect(resumed=False)
    assert events.Dropped(0, "lost") in came
    assert talk.take() == [(1, 1)]


def test_frames_of_an_old_epoch_are_sent_again_in_the_new_one():
    talk = connected(frames=3)
    talk.push(3)
    talk.take()
    talk.receive(result(1))
    talk.receive(notices.ResetNotice(epoch=2, reason="state_lost", next_sequence=2))
    assert talk.take() == [(2, 2), (3, 2)]
    stale = notices.ErrorMessage.of(StaleEpochError("Old.", sequence=2))
    assert [type(each) for each in talk.receive(stale)] == [events.Refused]
    assert talk.take() == []


def test_latest_continues_with_new_frames_after_a_resume():
    talk = connected(policy="latest")
    talk.push(4)
    talk.take()
    talk.receive(result(1))
    talk.session.connection_lost()
    _, came = talk.connect(resumed=True, next_sequence=3)
    assert came[1:] == [events.Dropped(2, "superseded"), events.Dropped(3, "superseded")]
    assert talk.take() == ["flush"]
    assert indices(talk.receive(result(2))) == [1]
    talk.receive(notices.Flushed("resumed", 2))
    talk.push()
    assert talk.take() == [(3, 1)]
    assert indices(talk.receive(result(3))) == [4]


@pytest.mark.parametrize("request_", [Flush(1), Reset(), Bye()])
def test_a_request_waits_for_the_frames_before_it_and_is_said_again(request_):
    talk = connected(frames=1)
    talk.push(2)
    talk.session.request(request_)
    assert talk.take() == [(1, 1)]
    talk.receive(notices.Credit(frames=1, bytes=SIZE, durable_sequence=0))
    assert talk.take() == [(2, 1), request_.type]
    assert not talk.session.has_room(PICTURE)
    talk.session.connection_lost()
    talk.connect(resumed=True, next_sequence=3)
    assert talk.take() == ["flush", request_.type]


def test_an_answered_request_is_not_said_again():
    talk = connected()
    talk.session.request(Flush("f"))
    talk.session.request(Reset())
    assert talk.take() == ["flush", "reset"]
    assert talk.receive(notices.Flushed("f", 0)) == [events.FlushDone("f")]
    assert not talk.session.awaits(Flush)
    talk.receive(notices.ResetNotice(epoch=2, reason="client", next_sequence=1))
    assert talk.session.has_room(PICTURE)
    talk.session.connection_lost()
    talk.connect(resumed=True, epoch=2)
    assert talk.take() == []


def test_frames_are_held_back_while_the_server_goes_away():
    talk = connected()
    came = talk.receive(notices.GoAway(in_ms=500, reason="restart"))
    assert came == [events.GoingAway(500, "restart")]
    assert not talk.session.has_room(PICTURE)
    talk.push()
    assert talk.take() == []
    talk.session.connection_lost()
    talk.connect(resumed=True)
    assert talk.take() == [(1, 1)]


def test_another_process_continues_with_a_token():
    talk = Conversation(resume_token="left behind")
    hello, _ = talk.connect(resumed=True, next_sequence=41, epoch=3)
    assert hello["resume"] == {"token": "left behind", "last_sequence": 0}
    assert talk.receive(result(40)) == []
    talk.push()
    assert talk.take() == [(41, 3)]


def test_frames_wait_between_resets_and_their_notices():
    talk = connected()
    talk.session.request(Reset())
    talk.session.request(Reset())
    assert talk.take() == ["reset", "reset"]
    talk.push(2)
    assert talk.take() == []
    talk.receive(notices.ResetNotice(epoch=2, reason="client", next_sequence=1))
    assert talk.take() == []
    talk.receive(notices.ResetNotice(epoch=3, reason="client", next_sequence=1))
    assert talk.take() == [(1, 3), (2, 3)]


def test_a_reset_of_the_server_does_not_answer_one_of_the_client():
    talk = connected()
    talk.session.connection_lost()
    talk.session.request(Reset())
    talk.connect()
    assert talk.take() == ["reset"]
    talk.receive(notices.ResetNotice(epoch=1, reason="expired", next_sequence=1))
    talk.push(1)
    assert talk.take() == []
    talk.receive(notices.ResetNotice(epoch=2, reason="client", next_sequence=1))
    assert talk.take() == [(1, 2)]
