"""What both connections of the store share: options, and which errors say that it is away."""

from typing import Any

from redis import exceptions as errors

from maskstream_server.stores.errors import StoreAway

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


def connection_options(timeout_s: float) -> dict[str, Any]:
    """Return connection options; RESP2 answers are the same on all versions."""
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": min(1.0, timeout_s),
        "protocol": 2,
    }


def translated(error: Exception) -> Exception:
    """Return `StoreAway` for what the store cannot do now, other errors as they are."""
    if isinstance(error, AWAY) or any(word in str(error) for word in AWAY_WORDS):
        return StoreAway(str(error))
    return error
