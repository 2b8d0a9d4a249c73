"""The tree of errors is section 7 of docs/protocol.md, row by row."""

import pytest

from maskstream_protocol.errors import Consequence, WireError, error_class

FATAL, IGNORED, DROPPED = Consequence.FATAL, Consequence.IGNORED, Consequence.DROPPED
ROWS = [
    ("bad_hello", FATAL, 4400, None),
    ("bad_message", IGNORED, 4422, 10),
    ("frame_header", IGNORED, 4422, 10),
    ("stale_epoch", IGNORED, 4422, 10),
    ("sequence_gap", IGNORED, 4422, 10),
    ("frame_too_large", DROPPED, 4413, 10),
    ("codec_unsupported", DROPPED, 4415, 10),
    ("frame_undecodable", DROPPED, 4422, 10),
    ("need_keyframe", DROPPED, None, None),
    ("credit_exceeded", IGNORED, 4429, 2),
    ("rate_limited", IGNORED, 4429, 2),
    ("model_unknown", FATAL, 4404, None),
    ("unauthorized", FATAL, 4401, None),
    ("forbidden", FATAL, 4403, None),
    ("server_full", FATAL, 1013, None),
    ("session_unknown", FATAL, 4404, None),
    ("taken_over", FATAL, 4409, None),
    ("quota", FATAL, 4507, None),
    ("store_away", Consequence.NOTICE, None, None),
    ("internal", DROPPED, 1011, 3),
]


@pytest.mark.parametrize(("code", "consequence", "close_code", "limit"), ROWS)
def test_a_code_has_its_consequence(code, consequence, close_code, limit):
    error = error_class(code)
    assert error.code == code
    assert error.consequence is consequence
    assert (error.close_code, error.repeat_limit) == (close_code, limit)
    assert error("No.").fatal is (consequence is FATAL)


def test_a_row_of_faulty_frames_ends_with_too_many_undecodable_ones_code():
    for code, _, close_code, limit in ROWS:
        if limit == 10:
            assert (error_class(code).repeat_code or close_code) == 4422


def test_the_table_is_complete():
    assert {row[0] for row in ROWS} == {each.code for each in WireError.__subclasses__()}


def test_a_code_of_a_later_version_is_a_plain_wire_error():
    assert error_class("too_purple") is WireError
