"""Access control: API keys, host names, origins, and the subprotocol (docs/protocol.md 1).

`require_access` is a dependency of the whole application: a route that `PUBLIC` does not list is
refused without a key.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from maskstream_protocol import STREAM_PATH, SUBPROTOCOL
from maskstream_protocol.errors import BadHelloError, ForbiddenError, UnauthorizedError
from maskstream_server.config.settings import Settings
from maskstream_server.errors import SettingsError
from maskstream_server.http.tickets import Tickets, offered_ticket

HOST = re.compile(r"(\[[^]]*\]|[^:]*)(?::(\d*))?")
PAGE: Final = ("/", "/index.html", "/page/{path:path}", "/client/{path:path}")
HEALTH: Final = ("/healthz", "/readyz", "/metrics")
PUBLIC: Final = frozenset(("http", path) for path in (*HEALTH, *PAGE, "/openapi.json", STREAM_PATH))
"""Routes without access control; that of `STREAM_PATH` says that it is one of WebSockets."""


def require_access(
    settings: Settings, tickets: Tickets
) -> Callable[[HTTPConnection], Awaitable[None]]:
    """Return a dependency that refuses requests and WebSockets without access.

    It leaves the caller (see `check_key`) in the connection's `state.caller`.

    Raises:
        BadHelloError, UnauthorizedError, ForbiddenError: see the checks below.
        StoreError: the store of tickets cannot be asked now.
    """

    async def check(connection: HTTPConnection) -> None:
        kind = connection.scope["type"]
        if (kind, connection.scope["route"].path) in PUBLIC:
            return
        if kind == "websocket":
            check_subprotocol(connection.scope["subprotocols"])
        check_origin(connection.headers, settings)
        connection.state.caller = await caller(connection)

    async def caller(connection: HTTPConnection) -> str:
        """Return who comes, by the key, or else by a ticket, which is used up then."""
        ticket = offered_ticket(connection.scope.get("subprotocols", ()))
        if ticket is None or "authorization" in connection.headers or not settings.api_keys:
            return check_key(connection.headers, settings)
        return await tickets.redeem(ticket, [caller_of(key) for key in _keys(settings)])

    return check


def check_open(address: str, settings: Settings) -> None:
    """Check that a server which others can reach asks for a key, or is meant to be open.

    Args:
        address: number of the interface that it listens on.
        settings: what the operator decided.

    Raises:
        SettingsError: neither.
    """
    if settings.api_keys or settings.insecure or ip_address(address).is_loopback:
        return
    raise SettingsError(
        f"Without MASKSTREAM_API_KEYS anyone who reaches {address} may use this server: "
        "set keys, listen on 127.0.0.1, or say --insecure (MASKSTREAM_INSECURE=true)."
    )


def check_host(headers: Mapping[str, str], settings: Settings) -> None:
    """Check the name by which a client knows this server, where no key is asked for.

    A foreign page in a browser may let its own name stand for this machine (DNS rebinding), and
    has then the origin of the server; but a number, or `localhost`, it cannot have for its name.

    Raises:
        ForbiddenError: neither one of these nor on the allow-list.
    """
    given = headers.get("host", "").lower()
    if settings.api_keys or _is_allowed(given, settings.allowed_hosts):
        return
    raise ForbiddenError(
        f"This server does not go by the name {given[:100]!r}: "
        "ask for localhost or its IP address, or let the operator set MASKSTREAM_ALLOWED_HOSTS."
    )


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


def check_key(headers: Mapping[str, str], settings: Settings) -> str:
    """Check the API key where the operator has set any.

    Returns:
        who comes with it: equal for equal keys, and not the key; empty where none is asked for.

    Raises:
        UnauthorizedError: none, or not a known one.
    """
    if not settings.api_keys:
        return ""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    # All keys are compared, in constant time each, so that the time it takes reveals nothing.
    matches = [hmac.compare_digest(given.strip().encode(), key) for key in _keys(settings)]
    if scheme.lower() != "bearer" or not any(matches):
        raise UnauthorizedError("A valid API key is needed: Authorization: Bearer <key>.")
    return caller_of(given.strip().encode())


def caller_of(key: bytes) -> str:
    """Return who comes with an API key; see `check_key`."""
    return hashlib.sha256(key).hexdigest()


def _keys(settings: Settings) -> list[bytes]:
    return [key.get_secret_value().encode() for key in settings.api_keys]


def _is_allowed(given: str, listed: Sequence[str]) -> bool:
    """Return whether a `Host`, in lower case, is a number, `localhost`, or listed."""
    read = HOST.fullmatch(given)
    if read is None:
        return False
    host, port = read[1].rstrip("."), read[2] or ""
    return host == "localhost" or _is_number(host) or any(_fits(x, host, port) for x in listed)


def _is_number(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _fits(entry: str, host: str, port: str) -> bool:
    """Return whether an entry like `example.com`, `*.example.com:8443` or `*` means a host."""
    name, _, only = entry.partition(":")
    named = name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:]))
    return bool(host) and named and only in ("", port)


def _host_of(origin: str) -> str:
    """Return host and port of an origin; empty, which no host is, where it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
