"""How a session is written in Redis: names of keys, arguments of scripts, fields of its hash."""

from collections.abc import Mapping
from typing import Any, Final

from maskstream_server.errors import SessionUnreadableError
from maskstream_server.stores.interface import (
    CHANNELS,
    DELIVER_WITHIN_S,
    MAX_DELIVERIES,
    Channel,
    Commit,
    Outbox,
    SessionListing,
    StoredSession,
)
from maskstream_server.stores.tokens import is_name

PART = b"p:"


def keys_of(session: str) -> list[str]:
    """Return the keys of a session: memory, lease, results; one hash tag, so one cluster slot."""
    if not session or "{" in session or "}" in session:
        raise ValueError(f"{session!r} cannot be the name of a session")
    return [f"ms:{{{session}}}:{kind}" for kind in "slr"]


def ticket_key(ticket_hash: str) -> str:
    """Return the key of a ticket: its caller."""
    return f"ms:{{{ticket_hash}}}:t"


OUTBOX_KINDS: Final[Mapping[Channel, str]] = {"webhook": "ow", "mqtt": "om"}
OUTBOX_KEYS = "ms:{*}:o?"
"""Pattern of the keys of outboxes."""


def outbox_key(outbox: Outbox) -> str:
    """Return the key of an outbox."""
    return f"ms:{{{outbox.session}}}:{OUTBOX_KINDS[outbox.channel]}"


def outbox_of(key: bytes) -> Outbox | None:
    """Return the outbox of a key; None where no session has such a name."""
    name, _, kind = key.decode(errors="replace").removeprefix("ms:{").rpartition("}:")
    channel = next((each for each, other in OUTBOX_KINDS.items() if other == kind), None)
    return Outbox(name, channel) if channel and is_name(name) else None


SESSION_KEYS = "ms:{*}:s"
"""Pattern of the keys of memories."""


def session_of(key: bytes) -> str | None:
    """Return the session whose memory has this key; None where no session has such a name."""
    name = key.decode(errors="replace").removeprefix("ms:{").removesuffix("}:s")
    return name if is_name(name) else None


def milliseconds(seconds: float) -> int:
    """Return a time as Redis takes it, at least 1."""
    return max(1, round(1000 * seconds))


def read_session(session: str, fields: dict[bytes, bytes]) -> StoredSession:
    """Read the hash of a session.

    Raises:
        SessionUnreadableError: not all of it is as we write it.
    """
    try:
        parts = {
            name.removeprefix(PART).decode(): blob
            for name, blob in fields.items()
            if name.startswith(PART)
        }
        return StoredSession(*_place(fields[b"epoch"], fields[b"sequence"]), parts)
    except (KeyError, ValueError):
        raise SessionUnreadableError(session) from None


def read_listing(session: str, answers: list[Any]) -> SessionListing | None:
    """Read what a list asks of a session: its token, epoch and sequence, its lease, its life.

    Answers may be errors of the store. Returns None for a session that is gone.
    """
    fields, holder, left_ms = answers
    owner = (
        holder.partition(b"|")[2].decode(errors="replace") if isinstance(holder, bytes) else None
    )
    try:
        token, epoch, sequence = fields
        place = None if token is None else _place(epoch, sequence)
    except (TypeError, ValueError):
        return SessionListing(session, None, None, owner, left_ms, readable=False)
    return None if place is None else SessionListing(session, *place, owner, left_ms)


def _place(epoch: bytes, sequence: bytes) -> tuple[int, int]:
    """Return epoch and sequence of a session.

    Raises:
        ValueError, TypeError: they are none.
    """
    numbers = int(epoch), int(sequence)
    if numbers < (1, 0) or numbers[1] < 0:
        raise ValueError("they begin with 1 and 0")
    return numbers


def commit_args(commit: Commit, ttl_ms: int) -> list[Any]:
    """Return the arguments of the commit script."""
    args: list[Any] = [commit.lease.fence, commit.epoch, commit.base_sequence, commit.sequence]
    args += [int(commit.whole), commit.keep_after, ttl_ms, len(commit.parts), len(commit.results)]
    args += [len(commit.removed), MAX_DELIVERIES, milliseconds(DELIVER_WITHIN_S)]
    for name, blob in commit.parts.items():
        args += [PART + name.encode(), blob]
    for result in commit.results:
        args += [result.sequence, result.message]
    args += [PART + name.encode() for name in commit.removed]
    for delivery in commit.deliveries:
        args += [delivery.sequence, 3 + CHANNELS.index(delivery.channel), delivery.body]
    return args
