"""What a Redis says of itself, for those who look at it before sessions are trusted to it."""

import time
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis import exceptions as errors

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.redis.connection import connection_options

WITHIN_S = 3.0


@dataclass(frozen=True)
class RedisFacts:
    """A Redis or Valkey at one moment.

    Attributes:
        product: `Redis` or `Valkey`, which look the same without INFO.
        version_text: in full; `version` is its first two numbers.
        role: `master`, or what it is instead.
        ping_s: the quickest of a few.
        used_bytes, max_bytes: memory; None where it does not say, or nothing bounds it.
        policy: what it does when that is full; None where it does not say, as of the next ones.
        append_only: whether it writes every command to a file.
        fsync: how often that reaches the disk.
        skew_s: how far our clock is ahead of its.
    """

    product: str
    version_text: str
    version: tuple[int, int]
    role: str
    ping_s: float
    used_bytes: int | None
    max_bytes: int | None
    policy: str | None
    append_only: bool | None
    fsync: str | None
    skew_s: float | None


def read_facts(url: str) -> RedisFacts:
    """Ask a Redis about itself; blocking.

    Raises:
        ValueError: `url` is no address.
        StoreUnreachableError: it cannot be reached, or does not let us in.
    """
    client = Redis.from_url(url, **connection_options(WITHIN_S))
    try:
        return _facts(client)
    except (errors.RedisError, OSError) as error:
        raise StoreUnreachableError(str(error)) from error
    finally:
        client.close()


def _facts(client: Redis) -> RedisFacts:
    ping_s = min(_ping_s(client) for _ in range(3))
    info = _info(client)
    version_text = str(info.get("valkey_version", info["redis_version"]))
    major, minor, *_ = version_text.split(".")
    return RedisFacts(
        product="Valkey" if "valkey_version" in info else "Redis",
        version_text=version_text,
        version=(int(major), int(minor)),
        role=str(info["role"]),
        ping_s=ping_s,
        used_bytes=info.get("used_memory"),
        max_bytes=info.get("maxmemory") or None,
        policy=info.get("maxmemory_policy"),
        append_only=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
        fsync=_fsync(client),
        skew_s=_skew_s(client),
    )


def _info(client: Redis) -> dict[str, Any]:
    """Return what it says of itself; to a user without INFO little more than its version."""
    try:
        answer: Any = client.info()
        return dict(answer)
    except errors.NoPermissionError:
        # Allowed to every user; on this version of the wire an answer is a flat list.
        untyped: Any = client
        flat = untyped.execute_command("HELLO", 2)
        words = [each.decode() if isinstance(each, bytes) else each for each in flat]
        hello = dict(zip(words[::2], words[1::2], strict=True))
        return {"redis_version": hello["version"], "role": hello["role"]}


def _ping_s(client: Redis) -> float:
    began_s = time.perf_counter()
    client.ping()
    return time.perf_counter() - began_s


def _fsync(client: Redis) -> str | None:
    """Return the setting; hosted ones often refuse the command."""
    try:
        answer: Any = client.config_get("appendfsync")
    except errors.ResponseError:
        return None
    return str(answer["appendfsync"]) if "appendfsync" in answer else None


def _skew_s(client: Redis) -> float | None:
    before_s = time.time()
    try:
        answer: Any = client.time()
    except errors.NoPermissionError:
        return None
    after_s = time.time()
    theirs_s = float(answer[0]) + 1e-6 * float(answer[1])
    return (before_s + after_s) / 2 - theirs_s
