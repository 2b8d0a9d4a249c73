"""Proxies, trusted certificates and the log of connections."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from maskstream_client.errors import ConnectionFailedError
from maskstream_client.urls import without_password


def proxy_for(url: str) -> str | None:
    """The HTTP proxy that the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) names for a URL.

    None where it names none, or NO_PROXY excepts the host. What a browser does for http and https
    is done for ws and wss.

    Raises:
        ConnectionFailedError: it names one that is no HTTP proxy.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    schemes = ("wss", "https") if parts.scheme in ("https", "wss") else ("ws", "http")
    known = getproxies()
    named = next((known[name] for name in (*schemes, "all", "socks") if known.get(name)), None)
    if named is None:
        return None
    proxy = named if "://" in named else f"http://{named}"
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise ConnectionFailedError(
            f"{without_password(proxy)} is no HTTP proxy, and no other is supported: name one in "
            f"{schemes[1].upper()}_PROXY, or {parts.hostname} in NO_PROXY to do without."
        )
    return proxy


def shown(url: str, proxy: str | None) -> str:
    """A URL for messages, without passwords, and with the proxy on the way to it."""
    way = "" if proxy is None else f" (through the proxy {without_password(proxy)})"
    return without_password(url) + way


def trust() -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE; an empty one counts as not set."""
    context = ssl.create_default_context()
    usual = ssl.get_default_verify_paths().openssl_cafile
    if os.environ.get("SSL_CERT_FILE") == "" and Path(usual).is_file():
        context.load_verify_locations(usual)
    return context


def redacted_logger() -> logging.Logger:
    """A log of connections that leaves out their messages and headers: keys and tokens are there.

    The library writes them for debugging, where a program sets that level for everything.
    """
    log = logging.Logger("maskstream_client.connection", logging.INFO)
    log.parent = logging.getLogger("maskstream_client")
    return log
