"""Resume tokens: session and 128 random bits for the client, only a hash for the store.

The token names its session, so that check and takeover are one atomic step on one key slot.
"""

import hashlib
from typing import NamedTuple

SECRET_BYTES = 16


class TokenClaim(NamedTuple):
    """What a presented token claims: which session, and the hash that must match."""

    session: str
    token_hash: str


def make_token(session: str, secret: bytes) -> str:
    """Return the token of a session; `secret` is 16 random bytes, `session` has no dot."""
    if len(secret) != SECRET_BYTES or "." in session:
        raise ValueError("a token takes 16 random bytes and a session name without a dot")
    return f"{session}.{secret.hex()}"


def read_token(token: str) -> TokenClaim | None:
    """Return what a token claims; None for text that cannot be a token."""
    session, dot, secret = token.rpartition(".")
    if not dot or not session or len(secret) != 2 * SECRET_BYTES or not token.isascii():
        return None
    return TokenClaim(session, hash_token(token))


def hash_token(token: str) -> str:
    """Return the form in which a store keeps a token (SHA-256: 128 random bits need no salt)."""
    return hashlib.sha256(token.encode()).hexdigest()
