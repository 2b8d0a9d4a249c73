"""Who may come in: API keys, origins, and the subprotocol (protocol.md section 1); pure."""

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from maskstream_protocol import SUBPROTOCOL
from maskstream_protocol.errors import BadHelloError, ForbiddenError, UnauthorizedError
from maskstream_server.settings import Settings


def check_subprotocol(offered: Sequence[str]) -> None:
    """Check that the client speaks this major version.

    Raises:
        BadHelloError: it does not say so; answered with HTTP 400, before the upgrade.
    """
    if SUBPROTOCOL not in offered:
        raise BadHelloError(f"The subprotocol {SUBPROTOCOL} is missing.")


def check_origin(headers: Mapping[str, str], settings: Settings) -> None:
    """Check where a browser's page came from; programs send no origin.

    Raises:
        ForbiddenError: neither this server's own page nor on the allow-list.
    """
    origin = headers.get("origin")
    if origin is None or {"*", origin} & set(settings.allowed_origins):
        return
    if _host_of(origin) != headers.get("host"):
        raise ForbiddenError("Pages of this origin may not use the server.")


def check_key(headers: Mapping[str, str], settings: Settings) -> None:
    """Check the API key where the operator has set any.

    Raises:
        UnauthorizedError: none, or not a known one.
    """
    if not settings.api_keys:
        return
    scheme, _, given = headers.get("authorization", "").partition(" ")
    known = [key.get_secret_value().encode() for key in settings.api_keys]
    # All keys are compared, in constant time each, so that timing tells nothing.
    matches = [hmac.compare_digest(given.strip().encode(), key) for key in known]
    if scheme.lower() != "bearer" or not any(matches):
        raise UnauthorizedError("A valid API key is needed: Authorization: Bearer <key>.")


def _host_of(origin: str) -> str:
    """Return host and port of an origin; empty, which no host is, where it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
