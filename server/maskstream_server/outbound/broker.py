"""The address of an MQTT broker: pure."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883}
PREFIX = "maskstream"


@dataclass(frozen=True)
class Broker:
    """Where events are published.

    Attributes:
        secure: by TLS.
        user, password: None: without.
        prefix: of topics.
    """

    host: str
    port: int
    secure: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    prefix: str = PREFIX


def read_broker(address: str) -> Broker:
    """Read `mqtt://[user:password@]host[:port][/prefix]`, or `mqtts://...` for TLS.

    Raises:
        ValueError: it is no such address.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in PORTS:
        raise ValueError("must be mqtt://[user:password@]host[:port][/prefix], or mqtts://...")
    prefix = unquote(address.partition("://")[2].partition("/")[2]).strip("/") or PREFIX
    if any(sign in prefix for sign in "+#?\0"):
        raise ValueError("has a prefix of topics with one of + # ? in it")
    return Broker(
        host=host,
        port=port or PORTS[parts.scheme],
        secure=parts.scheme == "mqtts",
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        prefix=prefix,
    )
