"""Units of videos in a session: what comes for the decoder only, and `latest`."""

import pytest

from maskstream_protocol.errors import FrameUndecodableError, NeedKeyframeError
from maskstream_protocol.frames import FrameCodec
from maskstream_server.session.actions import Decode, Prime
from maskstream_server.session.memory import Beginning, SessionMemory
from support.conversation import Conversation, frame

H264 = FrameCodec.H264
ALL = frozenset(FrameCodec)


def unit(sequence: int, **fields) -> bytes:
    return frame(sequence, codec=H264, payload=b"unit", **fields)


def lead_in(sequence: int, **fields) -> bytes:
    return unit(sequence, decoder_only=True, **fields)


def resumed(sequence: int = 5, **changes) -> Conversation:
    """A conversation whose next frame is `sequence`."""
    beginning = Beginning(SessionMemory(sequence=sequence - 1, last_result=sequence - 1))
    return Conversation.begin(beginning, codecs=ALL, **changes)


def primed(talk: Conversation) -> list[int]:
    return [action.frame.sequence for action in talk.other if isinstance(action, Prime)]


def decoding(talk: Conversation) -> list[int]:
    return [action.frame.sequence for action in talk.work if isinstance(action, Decode)]


def test_units_for_the_decoder_only_take_no_credit_and_get_no_answer():
    talk = resumed(100)
    for sequence in range(60, 100):
        talk.binary(lead_in(sequence, key_frame=sequence == 60))
    assert primed(talk) == list(range(60, 100))
    assert (talk.said, talk.work) == ([], [])
    talk.binary(unit(100))
    talk.run()
    assert talk.story == [("result", 100)]


@pytest.mark.parametrize("sequence", [5, 6, 99])
def test_only_what_was_answered_before_comes_for_the_decoder_only(sequence):
    talk = resumed(5)
    talk.binary(lead_in(sequence))
    assert (talk.error_codes, primed(talk)) == (["sequence_gap"], [])
    assert talk.of("error")[0]["expected"] == 5


def test_they_follow_one_another():
    talk = resumed(5)
    for sequence in (2, 4, 2, 3):
        talk.binary(lead_in(sequence))
    assert (primed(talk), talk.error_codes) == ([2, 3], ["sequence_gap"] * 2)


def test_none_comes_behind_the_first_frame():
    talk = resumed(5)
    talk.binary(unit(5, key_frame=True))
    talk.binary(lead_in(4))
    talk.run()
    assert (talk.error_codes, primed(talk)) == (["sequence_gap"], [])
    assert talk.results[0].sequence == 5


def test_they_name_the_current_epoch_and_an_agreed_codec_of_packets():
    talk = Conversation.begin(Beginning(SessionMemory(sequence=4)), codecs={H264, 0})
    talk.binary(lead_in(3, epoch=7))
    talk.binary(frame(3, codec=FrameCodec.VP9, decoder_only=True))
    talk.binary(frame(4, codec=FrameCodec.JPEG, decoder_only=True))
    assert talk.error_codes == ["stale_epoch", "codec_unsupported", "codec_unsupported"]
    assert (primed(talk), talk.of("drop")) == ([], [])


def test_one_that_fails_is_reported_and_drops_nothing():
    talk = resumed(5)
    talk.binary(lead_in(4))
    talk.take(talk.session.not_primed(FrameUndecodableError("broken", sequence=4)))
    assert talk.story == ["frame_undecodable"]
    assert talk.of("error")[0]["sequence"] == 4
    talk.binary(unit(5, key_frame=True))
    talk.run()
    assert talk.story[1:] == [("result", 5)]


def test_ten_that_fail_end_the_connection():
    talk = resumed(50)
    for sequence in range(10):
        assert talk.closed is None
        error = FrameUndecodableError("broken", sequence=sequence)
        talk.take(talk.session.not_primed(error))
    assert talk.closed == 4422


def test_a_unit_that_needs_a_key_frame_is_dropped_and_no_number_of_them_closes():
    talk = Conversation.begin(codecs=ALL)
    for sequence in range(1, 31):
        talk.binary(unit(sequence))
        (action,) = talk.work
        talk.work.clear()
        talk.take(talk.session.failed(action.frame.sequence, NeedKeyframeError("a key frame")))
        talk.commit()
    assert talk.error_codes == ["need_keyframe"] * 30
    assert {drop["reason"] for drop in talk.of("drop")} == {"undecodable"}
    talk.binary(unit(31, key_frame=True))
    talk.run()
    assert [result.dropped for result in talk.results] == [30]


def test_a_lossless_session_decodes_units_in_order_a_little_ahead():
    talk = Conversation.begin(codecs=ALL)
    for sequence in range(1, 6):
        talk.binary(unit(sequence))
    assert decoding(talk) == [1, 2]


def test_latest_decodes_every_unit_in_order_and_steps_only_the_newest():
    talk = Conversation.begin(codecs=ALL, policy="latest")
    for sequence in range(1, 7):
        talk.binary(unit(sequence))
    decoded = []
    while decode := next((each for each in talk.work if isinstance(each, Decode)), None):
        talk.work.remove(decode)
        decoded.append(decode.frame.sequence)
        picture = talk.picture(decode.frame)
        talk.take(talk.session.decoded(decode.frame.sequence, picture, 0.001))
        assert len(decoding(talk)) <= 2
    assert decoded == [1, 2, 3, 4, 5, 6]
    talk.run()
    assert [result.sequence for result in talk.results] == [1, 6]
    assert [result.dropped for result in talk.results] == [0, 4]
    assert {drop["reason"] for drop in talk.of("drop")} == {"superseded"}


def test_latest_gives_the_credit_of_a_unit_back_only_when_it_is_decoded():
    talk = Conversation.begin(codecs=ALL, policy="latest")
    for sequence in range(1, 10):
        talk.binary(unit(sequence))
    assert talk.error_codes == ["credit_exceeded"]
    assert talk.of("credit") == []


def test_latest_reports_to_the_model_how_many_units_it_missed():
    talk = Conversation.begin(codecs=ALL, policy="latest")
    for sequence in (1, 2, 3):
        talk.binary(unit(sequence))
    talk.step()  # 1 is decoded and stepped
    for _ in range(2):
        decode = next(each for each in talk.work if isinstance(each, Decode))
        talk.work.remove(decode)
        sequence = decode.frame.sequence
        talk.take(talk.session.decoded(sequence, talk.picture(decode.frame), 0.001))
    skipped = []
    while talk.work:
        if hasattr(talk.work[0], "step"):
            skipped.append(talk.work[0].step.skipped)
        talk.step()
    assert skipped == [0, 1]


def test_pictures_in_latest_are_superseded_before_they_are_decoded():
    talk = Conversation.begin(codecs=ALL, policy="latest")
    talk.frames(1, 6)
    assert decoding(talk) == [1]
    talk.run()
    assert [result.sequence for result in talk.results] == [1, 6]
