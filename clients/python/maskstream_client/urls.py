"""Addresses of one server: of its streams and of its REST routes, also below a path of a proxy."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from maskstream_protocol import STREAM_PATH

DEFAULT_URL: Final = "ws://127.0.0.1:8000"
_SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def stream_url(url: str) -> str:
    """The WebSocket URL of a server's streams.

    Args:
        url: of the server by http(s), ws(s) or without a scheme; with or without `/v1/stream`;
            any other path is where a proxy has put the server, such as `https://host/mask/`.

    Raises:
        ValueError: no URL of a server.
    """
    no_url = f"{without_password(url)!r} is no URL of a server, such as ws://localhost:8000."
    try:
        parts = urlsplit(url if "//" in url else f"ws://{url}")
        is_known = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError as error:  # a port above 65535, half an address of IPv6
        raise ValueError(no_url) from error
    if not is_known:
        raise ValueError(no_url)
    below = parts.path.rstrip("/").removesuffix(STREAM_PATH)
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, below + STREAM_PATH, parts.query, ""))


def http_url(url: str) -> str:
    """The base of the REST routes, ending with a slash, for a server's URL; of several the first.

    Raises:
        ValueError: no URL of a server.
    """
    parts = urlsplit(stream_url(url.partition(",")[0].strip()))
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix(STREAM_PATH) + "/", "", ""))


def resolved(base: str, reference: str) -> str:
    """The address that a server's answer names, as seen from outside of its proxy.

    A server that knows nothing of a proxy in front names its own paths and scheme.

    Args:
        base: see `http_url`.
        reference: a path, or a whole address, which may be that of another host.
    """
    here, there = urlsplit(base), urlsplit(urljoin(base, reference))
    if there.netloc != here.netloc or there.scheme not in ("http", "https"):
        return urlunsplit(there)
    path = there.path if there.path.startswith(here.path) else here.path + there.path.lstrip("/")
    return urlunsplit(there._replace(scheme=here.scheme, path=path))


def without_password(url: str) -> str:
    """The URL as it may be shown: without what stands before the host."""
    scheme, slashes, rest = url.rpartition("//")
    authority, slash, path = rest.partition("/")
    return scheme + slashes + authority.rpartition("@")[2] + slash + path
