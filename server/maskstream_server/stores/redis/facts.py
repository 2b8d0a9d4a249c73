"""What a Redis says of itself, for those who look at it before sessions are trusted to it."""

import time
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis import exceptions as errors

from maskstream_server.stores.errors import StoreUnreachableError
from maskstream_server.stores.redis.connection import connection_options

WITHIN_S = 3.0


@dataclass(frozen=True)
class RedisFacts:
    """A Redis or Valkey at one moment.

    Attributes:
        product: `Redis` or `Valkey`.
        version_text: in full; `version` is its first two numbers.
        role: `master`, or what it is instead.
        ping_s: the quickest of a few.
        used_bytes, max_bytes: memory; None where nothing bounds it.
        policy: what it does when that is full.
        append_only: whether it writes what it is told to a file.
        fsync: how often that reaches the disk; None where it does not say.
        skew_s: how far our clock is ahead of its.
    """

    product: str
    version_text: str
    version: tuple[int, int]
    role: str
    ping_s: float
    used_bytes: int
    max_bytes: int | None
    policy: str
    append_only: bool
    fsync: str | None
    skew_s: float


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
    info: Any = client.info()
    version_text = str(info.get("valkey_version", info["redis_version"]))
    major, minor, *_ = version_text.split(".")
    return RedisFacts(
        product="Valkey" if "valkey_version" in info else "Redis",
        version_text=version_text,
        version=(int(major), int(minor)),
        role=str(info["role"]),
        ping_s=ping_s,
        used_bytes=int(info["used_memory"]),
        max_bytes=int(info["maxmemory"]) or None,
        policy=str(info["maxmemory_policy"]),
        append_only=bool(info["aof_enabled"]),
        fsync=_fsync(client),
        skew_s=_skew_s(client),
    )


def _ping_s(client: Redis) -> float:
    began_s = time.perf_counter()
    client.ping()
    return time.perf_counter() - began_s


def _fsync(client: Redis) -> str | None:
    """Return the setting; hosted ones often do not let anybody ask."""
    try:
        told: Any = client.config_get("appendfsync")
    except errors.ResponseError:
        return None
    return str(told["appendfsync"]) if "appendfsync" in told else None


def _skew_s(client: Redis) -> float:
    before_s = time.time()
    told: Any = client.time()
    after_s = time.time()
    theirs_s = float(told[0]) + 1e-6 * float(told[1])
    return (before_s + after_s) / 2 - theirs_s
