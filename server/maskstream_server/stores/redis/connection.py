"""What all connections to Redis share: options, safe cancelling, which errors say "away"."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from redis import exceptions as errors
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from maskstream_server.errors import DamagedKeyError, StoreForbiddenError, StoreUnreachableError

AWAY = (
    errors.ConnectionError,
    errors.TimeoutError,
    errors.ReadOnlyError,
    errors.OutOfMemoryError,
    errors.MasterDownError,
    errors.ClusterDownError,
    errors.TryAgainError,
    OSError,
)
"""What says that the store cannot be used now; other errors are mistakes of ours."""
AWAY_WORDS = ("READONLY", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN")
"""The same in words: before Redis 7 the errors of a script's commands come wrapped in others."""

FORBIDDEN = (errors.AuthenticationError, errors.AuthorizationError, errors.NoPermissionError)
FORBIDDEN_WORDS = ("NOPERM", "The user executing the script can't", "ACL failure in script")
"""How the errors of a script's commands say that."""
DAMAGE_WORDS = ("WRONGTYPE", "not an integer")
"""What says that a key holds something else than we write there."""


def connection_options(timeout_s: float) -> dict[str, Any]:
    """Return connection options; RESP2 answers are the same on all versions."""
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": min(1.0, timeout_s),
        "protocol": 2,
    }


def translated(error: Exception) -> Exception:
    """Return the `StoreError` that an error of the client means; a mistake of ours as it is."""
    if isinstance(error, FORBIDDEN) or any(word in str(error) for word in FORBIDDEN_WORDS):
        return StoreForbiddenError(str(error))
    if isinstance(error, AWAY) or any(word in str(error) for word in AWAY_WORDS):
        return StoreUnreachableError(str(error))
    if any(word in str(error) for word in DAMAGE_WORDS):
        return DamagedKeyError(str(error))
    return error


class RedisConnection:
    """A pool of connections for the event loop that first uses it.

    Args:
        url: `redis://[user:password@]host:port/database`, `rediss://` or `unix://`.
        timeout_s: how long a command may take before the store counts as away.
        max_connections: commands that may be under way at once; others wait for `timeout_s`.

    Raises:
        ValueError: `url` is no such address.
    """

    def __init__(self, url: str, timeout_s: float = 2.0, max_connections: int = 16) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=timeout_s,
            # A restarted store leaves dead connections behind: those are tried once more.
            retry=Retry(NoBackoff(), 1, supported_errors=(errors.ConnectionError,)),
            **connection_options(timeout_s),
        )
        self.redis: Redis = Redis.from_pool(pool)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def run(self, command: Awaitable[Any]) -> Any:
        """Await a command in a task of its own.

        A caller that is cancelled must not cancel the command: that would leave its answer on
        the connection, for the next command to read.
        """
        task: asyncio.Task[Any] = asyncio.ensure_future(_translated(command))
        self._under_way.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for commands under way and let connections go."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self.redis.aclose()
        await self.redis.connection_pool.disconnect()

    def _finished(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # it has been read, also where the caller is gone


async def _translated(command: Awaitable[Any]) -> Any:
    """Await a command; errors of the client become those of stores."""
    try:
        return await command
    except (*AWAY, errors.ResponseError) as error:
        raise translated(error) from error
