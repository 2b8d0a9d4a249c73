import json
import struct

import pytest

from maskstream_protocol.errors import FrameTooLargeError
from maskstream_server.session.credit import CreditLimit
from support.conversation import Conversation, frame


def continues(talk: Conversation, sequence: int, epoch: int = 1) -> bool:
    """Whether the session still answers a good frame."""
    talk.binary(frame(sequence, epoch))
    talk.run()
    return bool(talk.results) and talk.results[-1].sequence == sequence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[1, 2]",
        '"hello"',
        "{}",
        '{"type": 7}',
        '{"type": "ack"}',
        '{"type": "ack", "sequence": -1}',
        '{"type": "ack", "sequence": "3"}',
        '{"type": "hello"}',
        '{"type": "ping", "id": 1e400}',
        '{"type": ' + "[" * 101 + "]" * 101 + "}",
        '{"type": "ack", "sequence": ' + "[" * 988 + "]" * 988 + "}",
        "x" * 70_000,
    ],
)
def test_bad_text_is_ignored(text):
    talk = Conversation.begin(max_frame_bytes=100_000)
    talk.raw_text(text)
    assert talk.error_codes == ["bad_message"]
    assert continues(talk, 1)


@pytest.mark.parametrize(
    "text", ["null", "true", "-0.5", '"\\ud800"', "1e300", '{"a": [1, null]}', "[" * 99 + "]" * 99]
)
def test_an_id_of_any_json_type_comes_back_as_it_was(text):
    talk = Conversation.begin()
    talk.raw_text(f'{{"type": "ping", "id": {text}}}')
    talk.raw_text(f'{{"type": "flush", "id": {text}}}')
    assert [each["id"] for each in talk.said] == [json.loads(text)] * 2


def test_unknown_types_and_fields_are_ignored_silently():
    talk = Conversation.begin()
    talk.text(type="semaphore", flags=["red"])
    talk.text(type="ping", id=1, mood="good")
    assert talk.said == [{"type": "pong", "id": 1}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x01 \x00",
        bytes(64),
        b"\x02" + frame(1)[1:],
        b"\x01\x81" + frame(1)[2:],
        frame(1)[:2] + struct.pack("<H", 31) + frame(1)[4:],
        frame(1)[:2] + struct.pack("<H", 9999) + frame(1)[4:],
        b"GET / HTTP/1.1\r\n\r\nthis is garbage in place of a header",
    ],
)
def test_garbage_in_place_of_a_header_is_ignored(data):
    talk = Conversation.begin()
    talk.binary(data)
    assert talk.error_codes == ["frame_header"]
    assert continues(talk, 1)


@pytest.mark.parametrize("bad", ["x", '{"type": "hello"}', b"x"])
def test_ten_in_a_row_end_the_connection(bad):
    talk = Conversation.begin()
    send = talk.binary if isinstance(bad, bytes) else talk.raw_text
    for _ in range(9):
        send(bad)
    assert talk.closed is None
    send(bad)
    assert talk.closed == 4422
    assert [error["fatal"] for error in talk.of("error")] == 9 * [False] + [True]


@pytest.mark.parametrize(
    "bad",
    [
        {"sequence": 7},
        {"sequence": 1, "epoch": 3},
        {"payload": bytes(10_001)},
        {"width": 40, "height": 26},
        {"codec": 77},
    ],
)
def test_ten_frames_in_a_row_that_are_refused_end_the_connection(bad):
    talk = Conversation.begin()
    for number in range(1, 11):
        assert talk.closed is None
        talk.binary(frame(**{"sequence": number} | bad))
    assert talk.closed == 4422
    assert [error["fatal"] for error in talk.of("error")] == 9 * [False] + [True]


@pytest.mark.parametrize("bad", [{"sequence": 9}, {"epoch": 3}, {"payload": bytes(10_001)}])
def test_a_frame_that_is_answered_ends_a_row_of_refused_ones(bad):
    talk, sequence = Conversation.begin(), 1
    for _ in range(4):
        for _ in range(9):
            talk.binary(frame(**{"sequence": sequence} | bad))
            sequence += "payload" in bad
        assert continues(talk, sequence)
        sequence += 1


def test_all_frames_that_were_on_the_way_may_be_out_of_place():
    talk = Conversation.begin(credit=CreditLimit(frames=30, num_bytes=400_000))
    talk.text(type="reset")
    for sequence in range(1, 31):
        talk.binary(frame(sequence, epoch=1))
    assert talk.error_codes == 30 * ["stale_epoch"]
    assert continues(talk, 1, epoch=2)


def test_control_messages_that_come_too_fast_are_ignored_once_and_then_end_the_connection():
    talk = Conversation.begin(messages_per_s=5)
    for number in range(10):
        talk.text(type="ping", id=number)
    assert len(talk.of("pong")) == 10
    talk.text(type="ping", id=10)
    (error,) = talk.of("error")
    assert (error["code"], error["fatal"], error["retry"]) == ("rate_limited", False, True)
    talk.now_s += 1.0
    for number in range(5):
        talk.text(type="ping", id=number)
    assert (len(talk.of("pong")), talk.closed) == (15, None)
    talk.text(type="ping", id=5)
    assert (talk.error_codes, talk.closed) == (2 * ["rate_limited"], 4429)


@pytest.mark.parametrize("good", ["text", "frame"])
def test_a_good_message_ends_a_row_of_bad_ones(good):
    talk = Conversation.begin()
    for sequence in range(1, 4):
        for _ in range(9):
            talk.raw_text("x")
            talk.binary(b"x")
        talk.text(type="ping") if good == "text" else talk.binary(frame(sequence))
    assert talk.closed is None


@pytest.mark.parametrize("epoch", [0, 2, 2**32 - 1])
def test_a_frame_of_another_epoch_is_ignored(epoch):
    talk = Conversation.begin()
    talk.binary(frame(1, epoch))
    (error,) = talk.of("error")
    assert (error["code"], error["sequence"], error["fatal"]) == ("stale_epoch", 1, False)
    assert continues(talk, 1)


@pytest.mark.parametrize("sequence", [0, 1, 3, 2**64 - 1])
def test_a_frame_out_of_sequence_is_ignored_and_the_expected_one_is_named(sequence):
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.run()
    talk.binary(frame(sequence))
    (error,) = talk.of("error")
    assert (error["code"], error["sequence"], error["expected"]) == ("sequence_gap", sequence, 2)
    assert continues(talk, 2)


@pytest.mark.parametrize(
    "bad",
    [
        {"payload": bytes(10_001)},
        {"width": 40, "height": 26},
        {"codec": 3, "width": 2**15, "height": 2**15},
    ],
)
def test_a_frame_over_the_limits_is_dropped(bad):
    talk = Conversation.begin()
    talk.binary(frame(1, **bad))
    assert talk.story == ["frame_too_large", "drop"]
    assert talk.of("drop")[0]["reason"] == "undecodable"
    assert continues(talk, 2)


def test_a_picture_that_turns_out_too_large_is_dropped():
    talk = Conversation.begin()
    talk.binary(frame(1))
    talk.work.clear()
    talk.take(talk.session.failed(1, FrameTooLargeError("65500 x 65500")))
    assert talk.story == ["frame_too_large", "drop"]
    assert continues(talk, 2)


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_a_message_over_twice_the_limit_ends_the_connection(kind):
    talk = Conversation.begin()
    talk.raw_text("x" * 20_001) if kind == "text" else talk.binary(frame(1, payload=bytes(20_000)))
    assert (talk.error_codes, talk.closed) == (["frame_too_large"], 4413)


@pytest.mark.parametrize("codec", [4, 8, 9, 255])
def test_a_codec_that_was_not_agreed_drops_the_frame(codec):
    talk = Conversation.begin()
    talk.binary(frame(1, codec=codec))
    assert talk.story == ["codec_unsupported", "drop"]
    assert continues(talk, 2)


# Which check comes first: header, epoch, sequence, size, codec.
WRONG = {
    "stale_epoch": {"epoch": 9},
    "sequence_gap": {"sequence": 9},
    "frame_too_large": {"payload": bytes(10_001)},
    "codec_unsupported": {"codec": 77},
}


@pytest.mark.parametrize("first", range(4))
def test_the_earliest_check_names_the_error(first):
    faults = list(WRONG.items())[first:]
    talk = Conversation.begin()
    talk.binary(frame(**({"sequence": 1} | {k: v for _, bad in faults for k, v in bad.items()})))
    assert talk.error_codes == [faults[0][0]]


def test_a_broken_header_is_found_before_all_else():
    talk = Conversation.begin()
    talk.binary(b"\x07" + frame(9, 9, bytes(10_001), codec=77)[1:])
    assert talk.error_codes == ["frame_header"]


def test_ignored_frames_cost_neither_sequence_nor_credit():
    talk = Conversation.begin()
    for _ in range(9):
        talk.binary(frame(1, epoch=5))
        talk.binary(frame(44))
    assert set(talk.error_codes) == {"stale_epoch", "sequence_gap"}
    assert continues(talk, 1)


def test_nothing_is_said_after_the_close():
    talk = Conversation.begin()
    talk.frames(1, 2)
    talk.take(talk.session.taken_over())
    assert (talk.error_codes, talk.closed) == (["taken_over"], 4409)
    talk.text(type="ping")
    talk.run()
    talk.take(talk.session.store_away())
    assert talk.results == []
