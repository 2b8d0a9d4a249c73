"""How long and where a lost connection is tried again."""

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from maskstream_client import ConnectionFailedError, RetryRules
from maskstream_client.addresses import Addresses
from maskstream_client.reconnecting import ReconnectPolicy
from maskstream_protocol.errors import (
    ForbiddenError,
    QuotaExceededError,
    ServerFullError,
    UnauthorizedError,
)

RULES = RetryRules(first_delay_s=1.0, max_delay_s=4.0, give_up_after_s=60.0)
GONE = ConnectionResetError(104, "reset")


def attempts(urls: str = "ws://a", accepted_at_s: float | None = 0.0) -> ReconnectPolicy:
    made = ReconnectPolicy(Addresses(urls), RULES, 0.0)
    if accepted_at_s is not None:
        made.note_accepted(accepted_at_s)
    return made


def delays(tried: ReconnectPolicy, *times_s: float) -> list[float]:
    return [tried.lost(GONE, None, now_s).delay_s for now_s in times_s]


def test_the_first_attempt_is_made_at_once_and_pauses_double_up_to_the_longest():
    assert delays(attempts(), 1, 2, 3, 5, 9, 13) == [0, 1, 2, 4, 4, 4]


def test_all_servers_are_tried_before_the_first_pause():
    assert delays(attempts("ws://a,ws://b"), 1, 1, 1, 2) == [0, 0, 1, 0]


def test_a_client_that_was_never_accepted_tries_each_server_once():
    tried = attempts("ws://a,ws://b", accepted_at_s=None)
    assert delays(tried, 0) == [0]
    with pytest.raises(ConnectionFailedError):
        tried.lost(GONE, None, 0.1)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, UnauthorizedError), (403, ForbiddenError), (404, None)]
)
def test_a_refusal_before_the_upgrade_is_final(status, kind):
    with pytest.raises(kind or ConnectionFailedError, match=str(status)):
        attempts().lost(InvalidStatus(Response(status, "", Headers())), None, 1.0)


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_without_a_reason_may_be_a_wrong_path(status):
    refusal = InvalidStatus(Response(status, "", Headers()))
    with pytest.raises(Exception, match=rf"{status}; check the path in its address\.$"):
        attempts("ws://a/mask/v1/stream").lost(refusal, None, 1.0)


@pytest.mark.parametrize(("status", "kind"), [(429, QuotaExceededError), (503, ServerFullError)])
def test_a_full_server_is_tried_again_by_a_client_that_it_accepted_before(status, kind):
    full = InvalidStatus(Response(status, "", Headers()))
    assert attempts().lost(full, None, 1.0).delay_s == 0
    with pytest.raises(kind, match=str(status)):
        attempts(accepted_at_s=None).lost(full, None, 1.0)


def test_patience_ends_and_begins_anew_with_progress():
    tried = attempts()
    delays(tried, 1, 30)
    with pytest.raises(ConnectionFailedError, match="within 60 s"):
        tried.lost(GONE, None, 61)
    tried.note_progress(70)
    assert delays(tried, 71) == [0]


def test_a_quiet_connection_that_lasted_is_forgiven_an_old_loss():
    tried = attempts()
    delays(tried, 10)
    tried.note_accepted(11)
    assert delays(tried, 200) == [0]


def test_a_server_that_accepts_and_fails_again_and_again_is_not_tried_without_pause():
    tried = attempts()
    for at_s, delay_s in ((1, 0), (2, 1), (4, 2), (8, 4)):
        tried.note_accepted(at_s - 0.5)
        assert delays(tried, at_s) == [delay_s]


def test_a_client_that_was_never_accepted_waits_where_the_server_says_when_to_try():
    warm, tried = ServerFullError("It warms up.", retry_after_ms=3000), attempts(accepted_at_s=None)
    for now_s in (7, 10, 60):
        lost = tried.lost(GONE, warm, now_s)
        assert (lost.reason, lost.delay_s >= 3.0) == ("It warms up.", True)
    with pytest.raises(ServerFullError, match="It warms up"):
        tried.lost(GONE, warm, 67)


def test_a_client_that_never_tries_again_does_not_wait_for_a_full_server():
    full, rules = ServerFullError("No slot.", retry_after_ms=1), RetryRules(give_up_after_s=0)
    with pytest.raises(ServerFullError):
        ReconnectPolicy(Addresses("ws://a"), rules, 0.0).lost(GONE, full, 1)


def test_a_full_server_says_how_long_to_wait():
    full = ServerFullError("No slot.", retry_after_ms=3000)
    assert attempts().lost(GONE, full, 1).delay_s == 3.0
