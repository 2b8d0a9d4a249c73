"""When a webhook is delivered."""

from dataclasses import replace

import pytest

from maskstream_server.errors import FencedOutError
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import VideoState
from maskstream_server.jobs.webhooks.schedule import (
    ATTEMPT_S,
    PAUSES_S,
    begin_attempt,
    delivered,
    given_up,
    is_due,
    schedule_retry,
)
from support.uploads import video_record

WANTED = JobOptions(webhook="https://a.example/hook")
ENDED = video_record(options=WANTED, state=VideoState.DONE)


@pytest.mark.parametrize("state", VideoState)
def test_only_the_end_is_reported(state):
    ended = state in (VideoState.DONE, VideoState.FAILED, VideoState.CANCELLED)
    assert is_due(replace(ENDED, state=state), 0.0) is ended
    assert not is_due(replace(ENDED, state=state, options=JobOptions()), 0.0)


def test_of_two_servers_one_makes_the_attempt():
    begun = begin_attempt(ENDED, 100.0)
    with pytest.raises(FencedOutError):
        begin_attempt(begun, 101.0)
    # The first one is dead: nobody has noted how its attempt ended.
    later_s = 100.0 + ATTEMPT_S + PAUSES_S[0]
    assert begin_attempt(begun, later_s).tell_attempts == 2
    with pytest.raises(FencedOutError):
        schedule_retry(begin_attempt(begun, later_s), 1, later_s)


def test_pauses_grow_until_it_is_given_up():
    record, now_s, pauses = ENDED, 0.0, []
    while not given_up(record):
        record = begin_attempt(record, now_s)
        record = schedule_retry(record, record.tell_attempts, now_s)
        pauses.append(record.tell_at_s - now_s)
        now_s = record.tell_at_s
    assert tuple(pauses[:-1]) == PAUSES_S
    assert list(PAUSES_S) == sorted(PAUSES_S)
    assert record.tell_attempts == len(PAUSES_S) + 1
    with pytest.raises(FencedOutError):
        begin_attempt(record, 1e12)


def test_what_was_reported_is_not_reported_again():
    record = delivered(begin_attempt(ENDED, 0.0), 1.0)
    assert not given_up(record)
    assert not is_due(record, 1e12)
