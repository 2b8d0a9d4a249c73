"""Resume tokens: session and 128 random bits for the client, only a hash for the store.

The token names its session, so that check and takeover are one atomic step on one key slot.
"""

import hashlib
from typing import NamedTuple

SECRET_BYTES = 16
SESSION_BYTES = 12
MAX_NAME = 64


class TokenClaim(NamedTuple):
    """What a presented token claims: which session, and the hash that must match."""

    session: str
    token_hash: str


def make_token(session: str, secret: bytes) -> str:
    """Return the token of a session; `secret` is 16 random bytes, `session` letters and digits."""
    if len(secret) != SECRET_BYTES or not is_name(session):
        raise ValueError("a token takes 16 random bytes and a session name of letters and digits")
    return f"{session}.{secret.hex()}"


def read_token(token: str) -> TokenClaim | None:
    """Return what a token claims; None for text that cannot be a token."""
    session, _, secret = token.rpartition(".")
    if not is_name(session) or not is_name(secret) or len(secret) != 2 * SECRET_BYTES:
        return None
    return TokenClaim(session, hash_token(token))


def is_name(text: str) -> bool:
    """Whether a store can be asked for a session of this name; a client may have made it up."""
    return text.isascii() and text.isalnum() and len(text) <= MAX_NAME


def hash_token(token: str) -> str:
    """Return the form in which a store keeps a token (SHA-256: 128 random bits need no salt)."""
    return hashlib.sha256(token.encode()).hexdigest()
