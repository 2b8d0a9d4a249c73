"""How a session is written in Redis: names of keys, arguments of scripts, fields of its hash."""

from typing import Any

from maskstream_server.stores.interface import Commit, StoredSession

PART = b"p:"


def keys_of(session: str) -> list[str]:
    """Return the keys of a session: memory, lease, results; one hash tag, so one cluster slot."""
    if not session or "{" in session or "}" in session:
        raise ValueError(f"{session!r} cannot be the name of a session")
    return [f"ms:{{{session}}}:{kind}" for kind in "slr"]


SESSION_KEYS = "ms:{*}:s"
"""Pattern of the keys of memories."""


def session_of(key: bytes) -> str:
    """Return the session whose memory has this key."""
    return key.decode().removeprefix("ms:{").removesuffix("}:s")


def milliseconds(seconds: float) -> int:
    """Return a time as Redis takes it, at least 1."""
    return max(1, round(1000 * seconds))


def read_session(fields: dict[bytes, bytes]) -> StoredSession:
    """Read the hash of a session."""
    parts = {
        name.removeprefix(PART).decode(): blob
        for name, blob in fields.items()
        if name.startswith(PART)
    }
    return StoredSession(int(fields[b"epoch"]), int(fields[b"sequence"]), parts)


def commit_args(commit: Commit, ttl_ms: int) -> list[Any]:
    """Return the arguments of the commit script."""
    args: list[Any] = [commit.lease.fence, commit.epoch, commit.base_sequence, commit.sequence]
    args += [int(commit.whole), commit.keep_after, ttl_ms, len(commit.parts), len(commit.results)]
    args.append(len(commit.removed))
    for name, blob in commit.parts.items():
        args += [PART + name.encode(), blob]
    for result in commit.results:
        args += [result.sequence, result.message]
    args += [PART + name.encode() for name in commit.removed]
    return args
