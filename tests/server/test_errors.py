import pytest
from structlog.testing import capture_logs

from maskstream_protocol.errors import FrameUndecodableError, InternalError, ServerFullError
from maskstream_server.errors import answer_to
from maskstream_server.stores.errors import StoreFullError, StoreUnreachableError


def test_what_a_client_did_is_told_as_it_is():
    error = FrameUndecodableError("broken")
    assert answer_to(error) is error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StoreFullError("80 %"), "is full"),
        (StoreUnreachableError("80 is no port"), "cannot be reached"),
    ],
)
def test_a_store_without_room_is_a_full_server_that_says_why(error, why):
    with capture_logs() as logs:
        answer = answer_to(error)
    assert [(each["event"], each["reason"]) for each in logs] == [("no_new_sessions", str(error))]
    assert answer.message.endswith(f"the server's store {why}.")
    assert isinstance(answer, ServerFullError)
    assert (answer.retry, answer.close_code, answer.http_status) == (True, 1013, 503)
    assert answer.retry_after_ms > 0
    assert "80" not in answer.message


def test_unknown_errors_are_logged_with_their_trace_and_told_without_detail():
    with capture_logs() as logs:
        answer = answer_to(ZeroDivisionError("secret detail"), sequence=4)
    assert isinstance(answer, InternalError)
    assert (answer.sequence, "secret" in answer.message) == (4, False)
    (event,) = logs
    assert (event["event"], event["log_level"]) == ("unexpected_error", "error")
    assert isinstance(event["exc_info"], ZeroDivisionError)
