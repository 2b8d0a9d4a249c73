"""Rules as clients send them: what is taken, and the sentence for what is not."""

import json

import pytest

from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.messages import Hello, parse_client_message
from maskstream_protocol.results import ResultMessage, decode_result
from maskstream_protocol.rule_events import RuleEvent
from maskstream_protocol.rules import MAX_RULES, Rule, crosses_itself, read_rules

SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
BOW_TIE = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]
LINE = [[0.5, 0.0], [0.5, 1.0]]
EVENTS = (
    RuleEvent("1.door.7", "door", "entered", 7, 0, "Fußgänger", 0.75),
    RuleEvent("1.many.1", "many", "count_above", count=4),
)


def rule(**fields) -> dict:
    return {"name": "r", "on": "entered", "zone": SQUARE} | fields


def test_a_hello_carries_rules_there_and_back():
    rules = read_rules([rule(classes=["car"], min_duration_s=2), rule(name="b", share=0.3)])
    hello = Hello(rules=rules)
    assert parse_client_message(hello.to_json()) == hello


def test_what_a_later_version_adds_to_a_rule_is_left_alone():
    text = json.dumps({"type": "hello", "rules": [rule(colour="red")]})
    assert parse_client_message(text) == Hello(rules=read_rules([rule()]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "a b"}, r"rules\[0\]\.name must be 1 to 64 of A-Z, a-z, 0-9, - and _, not"),
        ({"on": "vanished"}, r"rules\[0\]\.on must be one of emerged, .*, not \"vanished\""),
        ({"zone": None}, "The rule 'r' on 'entered' needs zone"),
        ({"zone": SQUARE[:2]}, "has a zone of 2 corners; 3 to 64 are possible"),
        ({"zone": [[0, 0], [1], [1, 1]]}, r"rules\[0\]\.zone must be a list of points of two"),
        ({"zone": BOW_TIE}, "has a zone that crosses or touches itself"),
        ({"zone": [[0.1, 0.1], [1.2, 0.5], [0.5, 0.9]]}, r"the point \(1.2, 0.5\) outside the pic"),
        ({"line": LINE}, "The rule 'r' on 'entered' takes no line"),
        ({"direction": "to_left"}, "on 'entered' takes no direction"),
        ({"share": 0}, "has a share of 0; in a zone it is above 0"),
        ({"on": "crossed"}, "The rule 'r' on 'crossed' needs line"),
        ({"on": "crossed", "zone": None, "line": [[0, 0], [0, 0]]}, "two different points"),
        ({"on": "crossed", "zone": None, "line": LINE, "share": 0.5}, "at a line it is above 0.5"),
        ({"on": "dwelt"}, "on 'dwelt' needs min_duration_s"),
        ({"on": "count_above"}, "on 'count_above' needs count"),
        ({"on": "emerged"}, "on 'emerged' takes no zone"),
        ({"on": "dwelt", "zone": None, "share": 0.5, "min_duration_s": 1}, "a share and no zone"),
        ({"min_score": 1.5}, r"rules\[0\]\.min_score must be a number from 0 to 1"),
        ({"min_duration_s": -1}, r"rules\[0\]\.min_duration_s must be a number from 0 to 86400"),
    ],
)
def test_a_wrong_rule_gets_a_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_rules([rule(**wrong)])


def test_a_name_is_used_once_and_there_are_not_too_many():
    with pytest.raises(ValueError, match="Two rules are called 'r'"):
        read_rules([rule(), rule()])
    with pytest.raises(ValueError, match="There are 33 rules; 32 are the most"):
        read_rules([rule(name=f"r{number}") for number in range(MAX_RULES + 1)])
    with pytest.raises(ValueError, match="rules must be a list of objects"):
        read_rules({"r": rule()})


@pytest.mark.parametrize(
    ("corners", "crosses"),
    [
        (SQUARE, False),
        (BOW_TIE, True),
        ([(0, 0), (1, 0), (1, 1)], False),
        ([(0, 0), (1, 0), (0.5, 0.5), (1, 1), (0, 1)], False),  # not convex
        ([(0, 0), (1, 0), (0.5, 0)], True),  # no area
        ([(0, 0), (0, 0), (1, 0), (1, 1)], True),  # a corner twice
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], True),  # a corner on another side
    ],
)
def test_a_polygon_that_meets_itself_is_found(corners, crosses):
    assert crosses_itself(corners) == crosses


def test_a_result_carries_events_behind_its_masks():
    plain = ResultMessage(3, 1, (20, 30), blob=b"masks")
    result = ResultMessage(3, 1, (20, 30), blob=b"masks", events=EVENTS)
    decoded = decode_result(result.encode())
    assert decoded.events == EVENTS
    assert bytes(decoded.blob) == b"masks"
    assert len(plain.encode()) == 64 + len(b"masks")


def test_a_reader_that_knows_no_events_finds_all_else_where_it_was_said_to_be():
    message = ResultMessage(3, 1, (20, 30), blob=b"masks", events=EVENTS).encode()
    table = int.from_bytes(message[56:60], "little")
    assert table == int.from_bytes(message[2:4], "little") == 72
    assert message[table : table + 5] == b"masks"


@pytest.mark.parametrize("data", [b"[1]", b"1", b'[{"id":1}]', b"[", b'[{"id":"a","rule":"b"}]'])
def test_events_that_are_none_are_refused(data):
    message = ResultMessage(3, 1, (20, 30), events=EVENTS).encode()
    at = int.from_bytes(message[64:68], "little")
    broken = message[:68] + len(data).to_bytes(4, "little") + message[72:at] + data
    with pytest.raises(MalformedResultError, match="events of the result cannot be read"):
        decode_result(broken)


def test_events_beyond_the_end_of_the_message_are_refused():
    message = ResultMessage(3, 1, (20, 30), events=EVENTS).encode()
    with pytest.raises(MalformedResultError, match="do not fit"):
        decode_result(message[:-1])


def test_a_rule_has_defaults_for_its_share():
    assert Rule("r", "entered", zone=((0, 0), (1, 0), (1, 1))).share_min == 0.5
    assert Rule("r", "crossed", line=((0, 0), (1, 0))).share_min == 0.6
