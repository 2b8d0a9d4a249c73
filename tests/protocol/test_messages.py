"""Control messages: what is written is read, what is wrong is refused with a sentence."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskstream_protocol.errors import BadMessageError, error_class
from maskstream_protocol.messages import Flush, Hello, Prompts, parse_client_message
from maskstream_protocol.notices import (
    ErrorMessage,
    FrameCredit,
    Limits,
    ModelInfo,
    Welcome,
    parse_server_message,
)
from protocol.strategies import client_messages, server_messages, welcomes
from support.raised import error_of

NO_NULLS = ("policy", "masks")
WELCOME = Welcome(
    session="s",
    epoch=1,
    resumed=False,
    next_sequence=1,
    credit=FrameCredit(4, 10_000),
    heartbeat_ms=1,
    idle_ms=1,
    resume_token="t",
    resume_ttl_ms=1,
    model=ModelInfo("demo", "instances", "f", "/v1/models/demo"),
    limits=Limits(1, 1, 1),
)


@given(client_messages)
@settings(deadline=None)
def test_a_client_message_is_read_as_it_was_written(message):
    assert parse_client_message(message.to_json()) == message


@given(server_messages)
@settings(deadline=None)
def test_a_server_message_is_read_as_it_was_written(message):
    assert parse_server_message(message.to_json()) == message


@given(welcomes)
@settings(deadline=None, max_examples=10)
def test_unknown_fields_are_ignored(welcome):
    values = json.loads(welcome.to_json())
    values["colour"] = "blue"
    values["model"]["smell"] = None
    assert parse_server_message(json.dumps(values)) == welcome


@pytest.mark.parametrize("parse", [parse_client_message, parse_server_message])
def test_an_unknown_type_is_no_message_and_no_error(parse):
    assert parse('{"type": "from_the_future", "x": 1}') is None


def test_only_the_type_of_a_hello_is_required():
    hello = parse_client_message('{"type": "hello"}')
    assert hello == Hello()
    assert (hello.policy, hello.masks, hello.mask_scale) == ("lossless", "rle", 1.0)
    assert hello.codecs == ("jpeg", "png", "webp", "rgb24", "h264", "hevc", "vp8", "vp9", "av1")


def test_null_means_the_default_in_a_hello():
    nulls = dict.fromkeys(field.name for field in fields(Hello) if field.name not in NO_NULLS)
    assert parse_client_message(json.dumps({"type": "hello", **nulls})) == Hello()


@pytest.mark.parametrize(
    "fields",
    [
        {"model": 7},
        {"policy": "fast"},
        {"policy": None},
        {"policy": ["latest"]},
        {"codecs": "jpeg"},
        {"codecs": [1]},
        {"masks": "png"},
        {"mask_scale": 0.3},
        {"mask_scale": True},
        {"min_score": 1.5},
        {"min_score": "0.5"},
        {"width": 0},
        {"height": -3},
        {"fps": -1},
        {"classes": "person"},
        {"classes": [None]},
        {"prompts": "a dog"},
        {"prompts": []},
        {"prompts": ["a dog", " \t"]},
        {"prompts": ["a" * 257]},
        {"prompts": [*"abcdefghijklmnopq"]},
        {"provisional": 1},
        {"resume": "token"},
        {"resume": {"token": "t"}},
        {"resume": {"last_sequence": 3}},
        {"resume": {"token": "t", "last_sequence": 2.5}},
        {"resume": {"token": "t", "last_sequence": -1}},
    ],
    ids=str,
)
def test_a_hello_with_a_wrong_field_is_refused_by_the_name_of_the_field(fields):
    with pytest.raises(BadMessageError, match=rf"hello\.{next(iter(fields))}"):
        parse_client_message(json.dumps({"type": "hello", **fields}))


def test_prompts_are_trimmed_and_each_counted_once():
    texts = [" " * 300 + "a dog\n", "b" * 256] * 8
    text = json.dumps({"type": "prompts", "prompts": texts})
    assert parse_client_message(text) == Prompts(("a dog", "b" * 256))


@pytest.mark.parametrize(
    "prompts",
    [None, [], ["  "], ["a", 7], [*"abcdefghijklmnopq"], ["a"] * 17, ["a" * 257]],
    ids=str,
)
def test_wrong_prompts_are_refused_with_the_rule(prompts):
    with pytest.raises(BadMessageError, match=r"prompts\.prompts must be .+\."):
        parse_client_message(json.dumps({"type": "prompts", "prompts": prompts}))


@pytest.mark.parametrize(
    "prompt",
    [
        "a dog",
        {"text": "a dog", "class_id": 2**16, "track_ids": []},
        {"text": "a dog", "class_id": 0, "track_ids": [0]},
        {"text": "a dog", "class_id": 0, "track_ids": [True]},
        {"text": "a dog", "class_id": 0},
    ],
    ids=str,
)
def test_a_prompted_with_a_wrong_field_is_refused(prompt):
    with pytest.raises(BadMessageError, match=r"prompted\.prompts"):
        parse_server_message(
            json.dumps({"type": "prompted", "from_sequence": 1, "prompts": [prompt]})
        )


def test_a_server_without_additions_says_nothing_of_them():
    welcome = json.loads(WELCOME.to_json())
    del welcome["features"], welcome["prompts"], welcome["model"]["lookahead"]
    assert parse_server_message(json.dumps(welcome)) == WELCOME


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", "[]", "null", '"hello"', '{"type": NaN}', '{"type": 4}', "{}", "[" * 100_000],
    ids=lambda text: text[:12] or "empty",
)
@pytest.mark.parametrize("parse", [parse_client_message, parse_server_message])
def test_text_that_is_no_message_is_refused(parse, text):
    with pytest.raises(BadMessageError, match=r"\.$"):
        parse(text)


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
@settings(deadline=None)
def test_any_text_is_a_message_or_a_bad_message(text):
    for parse in (parse_client_message, parse_server_message):
        error = error_of(BadMessageError, parse, text)
        assert error is None or error.message.endswith(".")


def test_an_id_of_any_kind_is_echoed_unchanged():
    for value in ({"a": [1, None]}, "x", 0, False, 1.5):
        assert parse_client_message(Flush(value).to_json()).id == value


def test_an_error_travels_with_its_data():
    error = error_class("sequence_gap")("Frame 9 is not the next.", sequence=9, expected=4)
    text = ErrorMessage.of(error).to_json()
    assert json.loads(text) == {
        "type": "error",
        "code": "sequence_gap",
        "message": "Frame 9 is not the next.",
        "retry": False,
        "sequence": 9,
        "fatal": False,
        "expected": 4,
    }
    arrived = parse_server_message(text).to_error()
    assert type(arrived) is type(error)
    assert (arrived.sequence, arrived.expected, str(arrived)) == (9, 4, str(error))


def test_the_error_before_a_close_can_be_marked_as_fatal():
    error = error_class("bad_message")("No.")
    assert not ErrorMessage.of(error).fatal
    assert ErrorMessage.of(error, fatal=True).fatal
