"""Signatures of webhooks, in the form of https://www.standardwebhooks.com: pure.

There are libraries for them in most languages. Headers are `webhook-id`, `webhook-timestamp` and
`webhook-signature`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 24


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
    """Return the headers of a body, with its signature."""
    timestamp = str(int(now_s))
    signed = b".".join((name.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
