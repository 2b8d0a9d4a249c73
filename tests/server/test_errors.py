import pytest
from structlog.testing import capture_logs

from maskstream_protocol.errors import FrameUndecodableError, InternalError, ServerFullError
from maskstream_server.error_answers import command_error, public_error, wire_error
from maskstream_server.errors import (
    AddressRefusedError,
    FolderAwayError,
    MaskstreamServerError,
    MediaError,
    RecordUnreadableError,
    SessionExistsError,
    SessionUnreadableError,
    StartError,
    StoreError,
    StoreFullError,
    StoreUnreachableError,
    UnknownSessionError,
)


def test_what_a_client_did_is_reported_as_it_is():
    error = FrameUndecodableError("broken")
    assert wire_error(error) is error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StoreFullError("80 %"), "is full"),
        (StoreUnreachableError("80 is no port"), "cannot be reached"),
    ],
)
def test_a_store_without_room_is_a_full_server_that_says_why(error, why):
    with capture_logs() as logs:
        answer = wire_error(error)
    assert [(each["event"], each["reason"]) for each in logs] == [("no_new_sessions", str(error))]
    assert answer.message.endswith(f"the server's store {why}.")
    assert isinstance(answer, ServerFullError)
    assert (answer.retry, answer.close_code, answer.http_status) == (True, 1013, 503)
    assert answer.retry_after_ms > 0
    assert "80" not in answer.message


def test_unknown_errors_are_logged_with_their_trace_and_answered_without_detail():
    with capture_logs() as logs:
        answer = wire_error(ZeroDivisionError("secret detail"), sequence=4)
    assert isinstance(answer, InternalError)
    assert (answer.sequence, "secret" in answer.message) == (4, False)
    (event,) = logs
    assert (event["event"], event["log_level"]) == ("unexpected_error", "error")
    assert isinstance(event["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize("error", [StoreError("a password"), StartError("a path"), KeyError("x")])
def test_what_is_for_operators_only_is_hidden_from_clients_of_http(error):
    with capture_logs() as logs:
        answer = public_error(error)
    assert (answer.code, answer.http_status) == ("internal", 500)
    assert isinstance(answer, InternalError)
    assert str(error) not in answer.message
    assert [each["event"] for each in logs] == ["unexpected_error"]


@pytest.mark.parametrize(
    ("error", "code", "status", "word"),
    [
        (StoreUnreachableError("a password"), "store_away", 503, "try again"),
        (StoreFullError("80 %"), "server_full", 503, "is full"),
        (SessionExistsError("abc"), "conflict", 409, "choose another"),
        (SessionUnreadableError("abc"), "conflict", 409, "'abc' cannot be read"),
        (UnknownSessionError("abc"), "not_found", 404, "no session 'abc'"),
        (RecordUnreadableError("v", "no JSON"), "video_unreadable", 409, "(no JSON)"),
        (FolderAwayError("{Read-only}"), "folder_away", 503, "({Read-only})"),
        (AddressRefusedError("No."), "address_refused", 403, "No."),
        (MediaError("video_too_long", "Long."), "video_too_long", 413, "Long."),
    ],
)
def test_public_errors_have_a_code_a_status_and_a_sentence_for_clients(error, code, status, word):
    with capture_logs() as logs:
        answer = public_error(error)
    assert answer is error
    assert (answer.code, answer.http_status, logs) == (code, status, [])
    assert word in answer.detail
    assert "password" not in answer.detail


@pytest.mark.parametrize("error", [UnknownSessionError("abc"), SessionUnreadableError("abc")])
def test_a_viewer_of_no_session_is_reported_so(error):
    answer = wire_error(error)
    assert (answer.code, answer.close_code, answer.retry) == ("session_unknown", 4404, False)
    assert answer.retry_after_ms is None


def test_commands_end_with_the_sentence_and_1():
    ended = command_error(StartError("The port is taken."))
    assert (ended.message, ended.exit_code) == ("The port is taken.", 1)


def test_each_error_says_how_it_is_answered():
    def below(kind: type[MaskstreamServerError]) -> list[type[MaskstreamServerError]]:
        return [kind, *(each for child in kind.__subclasses__() for each in below(child))]

    for kind in below(MaskstreamServerError):
        assert 400 <= kind.http_status < 600
        assert (kind.code == "internal") == (kind.http_status == 500), kind
