import json
import logging

import pytest
import structlog

from maskstream_server.telemetry.log import set_up_logging
from support.logs import logging_as_before

__all__ = ["logging_as_before"]

pytestmark = pytest.mark.usefixtures("logging_as_before")


def test_json_lines_carry_event_level_time_and_keys(capsys):
    set_up_logging("json", "info")
    structlog.get_logger("x").info("session_opened", session="abc")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["session"]) == ("session_opened", "info", "abc")
    assert line["timestamp"].endswith("Z")


def test_errors_of_other_libraries_go_through_the_same_formatter(capsys):
    set_up_logging("json", "info")
    logging.getLogger("uvicorn.error").error("broken pipe")
    logging.getLogger("uvicorn.error").info("chatter")
    logging.getLogger("torch._subclasses.fake_tensor").info("cache_hits: 0")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("broken pipe", "error")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_trace_is_written_but_no_values_of_variables(capsys, log_format):
    set_up_logging(log_format, "info")
    try:
        password = "hunter2"
        raise ValueError(f"{len(password)} letters")
    except ValueError as error:
        structlog.get_logger("x").error("unexpected_error", exc_info=error)
    text = capsys.readouterr().err
    assert "ValueError: 7 letters" in text
    assert "'hunter2'" not in text


def test_what_is_below_the_level_is_left_out(capsys):
    set_up_logging("console", "warning")
    structlog.get_logger("x").info("session_opened")
    assert capsys.readouterr().err == ""
