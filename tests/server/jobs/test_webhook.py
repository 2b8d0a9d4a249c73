"""When a client's server is told, and what shows it who tells."""

import base64
from dataclasses import replace

import pytest

from maskstream_server.jobs.errors import FencedOutError
from maskstream_server.jobs.records.options import VideoOptions
from maskstream_server.jobs.records.record import VideoState
from maskstream_server.jobs.webhook import (
    ATTEMPT_S,
    PAUSES_S,
    begin_to_tell,
    given_up,
    secret_key,
    signed_headers,
    told,
    try_again,
    waits,
)
from support.uploads import video_record

WANTED = VideoOptions(webhook="https://a.example/hook")
ENDED = video_record(options=WANTED, state=VideoState.DONE)


@pytest.mark.parametrize("state", VideoState)
def test_only_the_end_is_told(state):
    ended = state in (VideoState.DONE, VideoState.FAILED, VideoState.CANCELLED)
    assert waits(replace(ENDED, state=state), 0.0) is ended
    assert not waits(replace(ENDED, state=state, options=VideoOptions()), 0.0)


def test_of_two_servers_one_makes_the_attempt():
    begun = begin_to_tell(ENDED, 100.0)
    with pytest.raises(FencedOutError):
        begin_to_tell(begun, 101.0)
    # The first one is dead: nobody has noted how its attempt ended.
    later_s = 100.0 + ATTEMPT_S + PAUSES_S[0]
    assert begin_to_tell(begun, later_s).tell_attempts == 2
    with pytest.raises(FencedOutError):
        try_again(begin_to_tell(begun, later_s), 1, later_s)


def test_pauses_grow_until_it_is_given_up():
    record, now_s, pauses = ENDED, 0.0, []
    while not given_up(record):
        record = begin_to_tell(record, now_s)
        record = try_again(record, record.tell_attempts, now_s)
        pauses.append(record.tell_at_s - now_s)
        now_s = record.tell_at_s
    assert tuple(pauses[:-1]) == PAUSES_S
    assert list(PAUSES_S) == sorted(PAUSES_S)
    assert record.tell_attempts == len(PAUSES_S) + 1
    with pytest.raises(FencedOutError):
        begin_to_tell(record, 1e12)


def test_what_was_told_is_not_told_again():
    record = told(begin_to_tell(ENDED, 0.0), 1.0)
    assert not given_up(record)
    assert not waits(record, 1e12)


def test_the_signature_is_that_of_the_standard():
    # The example of the specification's libraries.
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330.9
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_%%%", "whsec_" + base64.b64encode(b"x" * 23).decode(), "x" * 40],
)
def test_secrets_that_are_too_short_or_of_another_form_are_none(secret):
    with pytest.raises(ValueError, match="must be whsec_ and base64"):
        secret_key(secret)
