"""When to try to report the end of a job to a client's server: pure.

The record counts attempts before they are made, so that of several servers one makes each.
"""

from dataclasses import replace

from maskstream_server.errors import FencedOutError
from maskstream_server.jobs.records.record import VideoRecord

ATTEMPT_S = 20.0
"""What one attempt may take."""
PAUSES_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * 3600.0, 12 * 3600.0)
"""From one attempt to the next; after the last one it is given up."""


def is_due(record: VideoRecord, now_s: float) -> bool:
    """Return whether an attempt should be made now."""
    return (
        record.ended
        and record.options.webhook is not None
        and record.told_s is None
        and not given_up(record)
        and (record.tell_at_s is None or record.tell_at_s <= now_s)
    )


def given_up(record: VideoRecord) -> bool:
    """Return whether no attempt is left."""
    return record.told_s is None and record.tell_attempts > len(PAUSES_S)


def begin_attempt(record: VideoRecord, now_s: float) -> VideoRecord:
    """Count an attempt, before it is made; the next one is due when this one must be over.

    Raises:
        FencedOutError: it was delivered, or another server is about to.
    """
    if not is_due(record, now_s):
        raise FencedOutError(f"the webhook of video {record.id} is not due")
    attempts = record.tell_attempts + 1
    return replace(record, tell_attempts=attempts, tell_at_s=now_s + ATTEMPT_S + _pause_s(attempts))


def schedule_retry(record: VideoRecord, attempt: int, now_s: float) -> VideoRecord:
    """Note that an attempt has failed: the next one is due after its pause.

    Raises:
        FencedOutError: another one has begun.
    """
    if record.tell_attempts != attempt:
        raise FencedOutError(f"the webhook of video {record.id} is another server's")
    return replace(record, tell_at_s=now_s + _pause_s(attempt))


def delivered(record: VideoRecord, now_s: float) -> VideoRecord:
    """Note that an attempt has succeeded."""
    return replace(record, told_s=now_s)


def _pause_s(attempt: int) -> float:
    return PAUSES_S[min(attempt, len(PAUSES_S)) - 1]
