"""Units of a video on the client's side: when the next one is to be a key frame."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from client.server_side import result, welcome
from client.talk import PICTURE, Conversation
from maskstream_client.pictures import Picture
from maskstream_client.unit_stream import encode_for
from maskstream_client.video import VideoFrame
from maskstream_protocol import notices
from maskstream_protocol.errors import CodecUnsupportedError
from maskstream_protocol.frames import FrameCodec, decode_frame

TAKEN = ("jpeg", "h264", "vp9")


def unit(key: bool = False, codec: FrameCodec = FrameCodec.VP9) -> Picture:
    return Picture(codec, b"unit", 4, 6, key)


def hearing(**fields) -> notices.Welcome:
    return replace(welcome(**fields), codecs=TAKEN)


def begun(*keys: bool, **options) -> Conversation:
    """A session whose units have been sent."""
    talk = Conversation(**options)
    talk.connect(hearing())
    talk.session.take_key_request()
    for key in keys:
        talk.session.push(unit(key))
    talk.take()
    return talk


def test_every_codec_is_offered_to_the_server():
    hello, _ = Conversation().connect(hearing())
    assert hello["codecs"] == [codec.wire_name for codec in FrameCodec]


def test_a_new_session_begins_with_a_key_frame():
    talk = Conversation()
    talk.connect(hearing())
    assert (talk.session.take_key_request(), talk.session.take_key_request()) == (True, False)


def test_a_unit_that_the_server_drops_asks_for_a_key_frame():
    talk = begun(True, False)
    talk.receive(notices.Drop(2, 2, "undecodable"))
    assert talk.session.take_key_request()


def test_one_is_on_its_way_already():
    talk = begun(True, False, False, True)
    talk.receive(notices.Drop(2, 3, "undecodable"))
    assert not talk.session.take_key_request()


@pytest.mark.parametrize("reason", ["superseded", "internal"])
def test_what_is_dropped_when_it_is_decoded_asks_for_none(reason):
    talk = begun(True, False)
    talk.receive(notices.Drop(2, 2, reason))
    assert not talk.session.take_key_request()


def test_a_resumed_session_needs_no_key_frame_and_sends_units_for_the_decoder_first():
    talk = begun(True, False, False)
    talk.receive(result(1, durable=True))
    talk.receive(result(2, durable=True))
    talk.session.connection_lost()
    talk.connect(hearing(resumed=True, next_sequence=3))
    frames = [decode_frame(each) for each in talk.session.outgoing()]
    sent = [(frame.sequence, frame.decoder_only, frame.key_frame) for frame in frames]
    assert sent == [(1, True, True), (2, True, False), (3, False, False)]
    assert not talk.session.take_key_request()


def test_a_lost_session_continues_with_a_key_frame():
    talk = begun(True, False)
    talk.session.connection_lost()
    talk.connect(hearing(resumed=False))
    assert talk.session.take_key_request()


def test_the_newest_frame_behind_a_lost_connection_is_a_key_frame():
    talk = begun(True, False, False, policy="latest")
    talk.session.connection_lost()
    talk.connect(hearing(resumed=True, next_sequence=1))
    assert talk.session.take_key_request()
    talk.session.push(unit(True))
    frames = [each for each in talk.session.outgoing() if isinstance(each, bytes)]
    assert [decode_frame(each).decoder_only for each in frames] == [False]


def test_a_codec_that_the_server_does_not_take_is_named_with_those_that_it_takes():
    talk = begun()
    with pytest.raises(CodecUnsupportedError, match=r"no frames as av1: choose one of h264, vp9\."):
        talk.session.has_room(unit(codec=FrameCodec.AV1))
    assert talk.session.has_room(PICTURE)


def test_an_older_server_takes_pictures_alone():
    talk = Conversation()
    talk.connect(welcome())
    with pytest.raises(CodecUnsupportedError, match="send them as pictures"):
        talk.session.has_room(unit())
    assert talk.session.has_room(PICTURE)


def test_a_session_is_not_continued_on_a_server_that_does_not_take_its_units():
    talk = begun(True, False)
    talk.session.connection_lost()
    with pytest.raises(CodecUnsupportedError):
        talk.connect(welcome(resumed=True, next_sequence=1))


async def test_a_unit_of_before_a_loss_is_encoded_anew_where_the_next_decoder_begins():
    talk = begun(True, policy="latest")
    talk.receive(result(1, durable=True))

    async def until(ready: Callable[[], bool]) -> None:
        talk.session.connection_lost()
        talk.connect(hearing(resumed=True, next_sequence=2))
        assert ready()

    def encode(frame: VideoFrame) -> Picture:
        return unit(talk.session.take_key_request())

    frame = VideoFrame(np.zeros((4, 6, 3), np.uint8))
    assert (await encode_for(talk.session, frame, encode, until)).key_frame
