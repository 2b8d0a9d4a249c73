"""Errors of connections, and whether to reconnect (docs/protocol.md 6)."""

from __future__ import annotations

import json
import os
from typing import Final

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    ProxyError,
    WebSocketException,
)
from websockets.http11 import Response

from maskstream_client.errors import ConnectionFailedError, NoServerError
from maskstream_protocol.errors import (
    ForbiddenError,
    ProtocolError,
    QuotaExceededError,
    ServerFullError,
    UnauthorizedError,
    WireError,
)

DONE: Final = 1000
_ABNORMAL, _GOING_AWAY, _INTERNAL, _RESTART, _FULL, _IDLE = 1006, 1001, 1011, 1012, 1013, 4408
_RESUMABLE: Final = {_ABNORMAL, _GOING_AWAY, _INTERNAL, _RESTART, _FULL, _IDLE}
_OF_STATUS: Final[dict[int, type[WireError]]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    429: QuotaExceededError,
    503: ServerFullError,
}

CONNECTION_ERRORS: Final = (OSError, TimeoutError, WebSocketException, ProtocolError)
"""What ends a connection or an attempt at one; anything else is a fault of the client."""


def can_resume(error: Exception) -> bool:
    """Whether the session may be resumed after this end of a connection."""
    if isinstance(error, ConnectionClosed):
        return close_code(error) in _RESUMABLE
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return status >= 500 or status == 429  # Of too many connections, old ones end.
    return True


def close_code(error: ConnectionClosed) -> int:
    """The code that the peer sent, 1006 for none."""
    return error.rcvd.code if error.rcvd is not None else _ABNORMAL


def sentence(error: Exception, url: str) -> str:
    """What happened at a place, which `url` names for messages, as one sentence."""
    if isinstance(error, ConnectionClosed):
        if error.rcvd is None:
            return "The connection was lost."
        why = f": {error.rcvd.reason}" if error.rcvd.reason else ""
        return f"The server closed the connection with code {error.rcvd.code}{why}."
    if isinstance(error, InvalidStatus):
        return _refusal(error.response, url)
    if isinstance(error, ProxyError | InvalidProxy):
        return f"No way leads to {url}: {str(error).rstrip('.')}."
    if isinstance(error, InvalidHandshake):
        return f"There is no Maskstream server at {url}: {error}."
    if isinstance(error, TimeoutError):
        return f"No server answered at {url} in time."
    if isinstance(error, OSError):
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        return f"No server can be reached at {url}: {why}."
    return str(error)


def _refusal(response: Response, url: str) -> str:
    """A refused opening, with the sentence of the server's problem document where it has one."""
    refused = f"The server at {url} refused the connection with HTTP status {response.status_code}"
    try:
        detail = json.loads(response.body or b"")["detail"]
    except (ValueError, KeyError, TypeError):
        # What answers an unknown path, a server of ours too, gives no reason.
        is_path = response.status_code in (403, 404)
        return f"{refused}; check the path in its address." if is_path else f"{refused}."
    return f"{refused}: {detail}" if isinstance(detail, str) else f"{refused}."


def failure(error: Exception, refused: WireError | None, url: str) -> Exception:
    """The exception that the application gets: the server's own where it said one."""
    if refused is not None:
        return refused
    if isinstance(error, InvalidStatus) and error.response.status_code in _OF_STATUS:
        return _OF_STATUS[error.response.status_code](sentence(error, url))
    if isinstance(error, ProtocolError):
        return error
    is_absent = isinstance(error, InvalidHandshake | OSError) and not isinstance(
        error, InvalidStatus
    )
    return (NoServerError if is_absent else ConnectionFailedError)(sentence(error, url))
