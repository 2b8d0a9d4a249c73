"""What a failed request means: pure readings of httpx's errors and of problem documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from maskstream_client.errors import ConnectionFailedError, NoServerError, RefusedError
from maskstream_client.network import shown
from maskstream_client.videos.patience import LostError
from maskstream_protocol.errors import (
    ForbiddenError,
    UnauthorizedError,
    WireError,
    error_class,
)

_LATER: Final = frozenset({423, 429, 502, 503, 504})
"""Answers after which the same request may succeed."""
_NEVER: Final = frozenset({"videos_off"})
"""Codes for which that is not so."""
_OF_STATUS: Final[Mapping[int, type[WireError]]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
}


def refusal(response: httpx.Response, proxy: str | None = None) -> Exception:
    """What an answer that is no success means; its body has been read.

    Args:
        response: the answer.
        proxy: on the way to the server: the answer may be the proxy's.
    """
    told = _problem(response)
    code, sentence = told.get("code"), told.get("detail")
    if not isinstance(code, str):
        code = ""
    if not isinstance(sentence, str) or not sentence:
        asked = shown(str(response.request.url), proxy)
        status = response.status_code
        sentence = f"{response.request.method} {asked} was answered with HTTP status {status}."
    error = _error(response.status_code, code, sentence)
    if response.status_code in _LATER and code not in _NEVER:
        return LostError(error, _retry_after_s(response.headers.get("Retry-After", "")))
    return error


def lost(error: httpx.TransportError, place: str) -> LostError:
    """What a connection that cannot be made, or broke, means; `place` is whose, for messages."""
    why = str(error).rstrip(".")
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return LostError(NoServerError(f"No server can be reached at {place}: {why}."))
    if isinstance(error, httpx.TimeoutException):
        return LostError(NoServerError(f"No server answered at {place} in time."))
    told = f"The connection to {place} was lost" + (f": {why}." if why else ".")
    return LostError(ConnectionFailedError(told))


def no_maskstream(place: str, error: Exception) -> ConnectionFailedError:
    """What to say of answers that are not Maskstream's."""
    return NoServerError(f"There is no Maskstream server at {place}: {error}")


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    """The problem document (RFC 9457), empty where there is none."""
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _error(status: int, code: str, sentence: str) -> Exception:
    known = error_class(code)
    if known is not WireError:
        return known(sentence)
    if status in _OF_STATUS:
        return _OF_STATUS[status](sentence)
    return RefusedError(sentence, status, code)


def _retry_after_s(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0
