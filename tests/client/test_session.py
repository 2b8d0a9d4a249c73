"""The client's side of a stream on one connection, without sockets."""

from dataclasses import replace

import numpy as np
import pytest

from client import server_side
from client.server_side import result
from client.talk import PICTURE, SIZE, Conversation, connected, indices
from maskstream_client import events
from maskstream_client.pictures import encode_picture
from maskstream_protocol import notices
from maskstream_protocol.errors import FrameTooLargeError, MalformedResultError, SequenceGapError


def test_hello_asks_for_what_the_options_say():
    talk = Conversation(model="m", masks="bits", mask_scale=0.5, min_score=0.3, policy="latest")
    hello, _ = talk.connect()
    assert hello["resume"] is None
    assert (hello["model"], hello["masks"], hello["mask_scale"]) == ("m", "bits", 0.5)
    assert (hello["min_score"], hello["policy"]) == (0.3, "latest")


def test_nothing_but_hello_is_sent_before_welcome():
    talk = Conversation()
    talk.push(2)
    talk.session.connection_opened()
    assert talk.take() == ["hello"]


def test_frames_are_numbered_from_one_and_answered_by_their_index():
    talk = connected()
    assert talk.push(2) == [0, 1]
    assert talk.take() == [(1, 1), (2, 1)]
    assert indices(talk.receive(result(1)) + talk.receive(result(2))) == [0, 1]


def test_a_repeated_result_is_ignored():
    talk = connected()
    talk.push()
    talk.take()
    assert indices(talk.receive(result(1))) == [0]
    assert talk.receive(result(1)) == []


def test_frames_wait_for_credit_and_continue_with_it():
    talk = connected(frames=2)
    talk.push(3)
    assert talk.take() == [(1, 1), (2, 1)]
    talk.receive(result(1))
    assert talk.take() == []
    talk.receive(notices.Credit(frames=1, bytes=SIZE, durable_sequence=0))
    assert talk.take() == [(3, 1)]


def test_bytes_are_credit_too():
    talk = connected(num_bytes=2 * SIZE + 1)
    talk.push(3)
    assert len(talk.take()) == 2
    talk.receive(notices.Credit(frames=0, bytes=SIZE - 1, durable_sequence=0))
    assert talk.take() == [(3, 1)]


def test_there_is_room_within_the_frames_in_flight_only():
    talk = connected(max_in_flight=1)
    assert talk.session.has_room(PICTURE)
    talk.push()
    talk.take()
    assert not talk.session.has_room(PICTURE)
    talk.receive(result(1))
    assert talk.session.has_room(PICTURE)


def test_there_is_no_room_without_a_connection():
    talk = connected()
    talk.session.connection_lost()
    assert not talk.session.has_room(PICTURE)


def test_a_frame_that_never_fits_is_refused_at_once():
    talk = connected(num_bytes=SIZE - 1)
    with pytest.raises(FrameTooLargeError, match=f"{SIZE} bytes is over the {SIZE - 1} "):
        talk.session.has_room(PICTURE)


@pytest.mark.parametrize("codec", ["jpeg", "rgb24"])
def test_a_frame_of_too_many_pixels_is_refused_at_once_however_few_its_bytes(codec, monkeypatch):
    monkeypatch.setattr(server_side, "LIMITS", replace(server_side.LIMITS, frame_pixels=40 * 60))
    talk = connected()
    assert talk.session.has_room(encode_picture(np.zeros((40, 60, 3), np.uint8), codec))
    with pytest.raises(FrameTooLargeError, match="61x40 has more pixels than the 2400 "):
        talk.session.has_room(encode_picture(np.zeros((40, 61, 3), np.uint8), codec))


def test_a_dropped_frame_is_reported_once():
    talk = connected()
    talk.push(3)
    talk.take()
    drop = notices.Drop(first=1, last=2, reason="undecodable")
    assert talk.receive(drop) == [
        events.Dropped(0, "undecodable"),
        events.Dropped(1, "undecodable"),
    ]
    assert talk.receive(drop) == []
    assert talk.session.num_in_flight == 1


def test_results_are_acknowledged_now_and_then():
    talk = connected(frames=20, max_in_flight=20)
    talk.push(8)
    talk.take()
    for sequence in range(1, 9):
        talk.receive(result(sequence))
    assert talk.take() == ["ack"]


def test_a_lost_order_of_frames_ends_the_connection():
    talk = connected()
    gap = notices.ErrorMessage.of(SequenceGapError("Not next.", sequence=3, expected=2))
    with pytest.raises(SequenceGapError):
        talk.receive(gap)


def test_a_malformed_result_ends_the_connection():
    with pytest.raises(MalformedResultError):
        connected().session.receive(b"\x01\x81")


def test_unknown_messages_are_ignored():
    assert connected().session.receive('{"type": "weather", "sunny": true}') == []


def test_the_store_coming_back_is_reported():
    assert connected().receive(notices.StoreBack()) == [events.StoreReturned()]
