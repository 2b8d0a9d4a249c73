"""Telling a client's server that its video has ended: when to try, and the signature; pure.

Messages are those of https://www.standardwebhooks.com, for which there are libraries in most
languages: headers `webhook-id`, `webhook-timestamp`, `webhook-signature`. The body is what
`GET /v1/videos/{id}` answers; the id is the video's, the same however often it comes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace

from maskstream_server.jobs.errors import FencedOutError
from maskstream_server.jobs.records.record import VideoRecord

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 24
ATTEMPT_S = 20.0
"""What one attempt may take."""
PAUSES_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * 3600.0, 12 * 3600.0)
"""From one attempt to the next; after the last one it is given up."""


def waits(record: VideoRecord, now_s: float) -> bool:
    """Return whether the client's server is to be told now."""
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


def begin_to_tell(record: VideoRecord, now_s: float) -> VideoRecord:
    """Count an attempt, before it is made; the next one is due when this one must be over.

    Raises:
        FencedOutError: it has been told, or another server is about to.
    """
    if not waits(record, now_s):
        raise FencedOutError(f"the webhook of video {record.id} is not due")
    attempts = record.tell_attempts + 1
    pause_s = PAUSES_S[min(attempts, len(PAUSES_S)) - 1]
    return replace(record, tell_attempts=attempts, tell_at_s=now_s + ATTEMPT_S + pause_s)


def try_again(record: VideoRecord, attempt: int, now_s: float) -> VideoRecord:
    """Note that an attempt has failed: the next one is due after its pause.

    Raises:
        FencedOutError: another one has begun.
    """
    if record.tell_attempts != attempt:
        raise FencedOutError(f"the webhook of video {record.id} is another server's")
    return replace(record, tell_at_s=now_s + PAUSES_S[min(attempt, len(PAUSES_S)) - 1])


def told(record: VideoRecord, now_s: float) -> VideoRecord:
    """Note that it has been told."""
    return replace(record, told_s=now_s)


def secret_key(secret: str) -> bytes:
    """Return the key of a secret.

    Raises:
        ValueError: it is not `whsec_` and base64 of enough bytes.
    """
    text = secret.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if text == secret or len(key) < SECRET_BYTES:
        raise ValueError(f"must be {SECRET_PREFIX} and base64 of {SECRET_BYTES} bytes or more")
    return key


def signed_headers(key: bytes, name: str, body: bytes, now_s: float) -> Mapping[str, str]:
    """Return what shows a receiver who sends a body, and when.

    Args:
        key: that both share.
        name: of the message.
        body: of the message.
        now_s: Unix time.
    """
    timestamp = str(int(now_s))
    signed = b".".join((name.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
