"""The exceptions for failed requests, from httpx's errors and problem documents; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from maskstream_client.errors import ConnectionFailedError, NoServerError, RefusedError
from maskstream_client.network import shown
from maskstream_client.videos.retrying import TransientError
from maskstream_protocol.errors import (
    ForbiddenError,
    UnauthorizedError,
    WireError,
    error_class,
)

_TRANSIENT: Final = frozenset({423, 429, 502, 503, 504})
"""Statuses after which the same request may succeed."""
_PERMANENT: Final = frozenset({"videos_off"})
"""Codes of the server after which it cannot, whatever the status."""
_OF_STATUS: Final[Mapping[int, type[WireError]]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
}


def refusal(response: httpx.Response, proxy: str | None = None) -> Exception:
    """The exception for an error response, whose body has been read."""
    problem = _problem(response)
    code, sentence = problem.get("code"), problem.get("detail")
    if not isinstance(code, str):
        code = ""
    if not isinstance(sentence, str) or not sentence:
        asked = shown(str(response.request.url), proxy)
        status = response.status_code
        sentence = f"{response.request.method} {asked} was answered with HTTP status {status}."
    error = _error(response.status_code, code, sentence)
    if response.status_code in _TRANSIENT and code not in _PERMANENT:
        return TransientError(error, _retry_after_s(response.headers.get("Retry-After", "")))
    return error


def connection_failure(error: httpx.TransportError, place: str) -> TransientError:
    """The exception for a connection that cannot be made, or broke; `place` is for messages."""
    why = str(error).rstrip(".")
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return TransientError(NoServerError(f"No server can be reached at {place}: {why}."))
    if isinstance(error, httpx.TimeoutException):
        return TransientError(NoServerError(f"No server answered at {place} in time."))
    sentence = f"The connection to {place} was lost" + (f": {why}." if why else ".")
    return TransientError(ConnectionFailedError(sentence))


def not_maskstream(place: str, error: Exception) -> ConnectionFailedError:
    """The exception for responses that are not a Maskstream server's."""
    return NoServerError(f"There is no Maskstream server at {place}: {error}")


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    """The problem document (RFC 9457), empty where there is none."""
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _error(status: int, code: str, sentence: str) -> Exception:
    known = error_class(code)
    if known is not WireError:
        return known(sentence)
    if status in _OF_STATUS:
        return _OF_STATUS[status](sentence)
    return RefusedError(sentence, status, code)


def _retry_after_s(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0
