"""Which addresses that a client names the server may go to: pure.

An address passes twice: its host and port must be on the operator's list, and what the host's name
stands for must be a public address, unless the operator has listed the host as a private one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from maskstream_server.errors import AddressRefusedError

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARACTERS = 2048
ANY = "*"
HOST = re.compile(r"(\*|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?")
NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "64:ff9b::/96",  # IPv4 inside IPv6, as are the next three
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "fec0::/10",  # site-local
    )
)
"""What `ipaddress` counts as global, or did in some version."""


@dataclass(frozen=True)
class Target:
    """An address that has been taken apart.

    Attributes:
        host: name or number, in lower case, without brackets.
        path: with the query.
        authority: host and port as the address has them.
    """

    scheme: str
    host: str
    port: int
    path: str
    authority: str


@dataclass(frozen=True)
class HostRules:
    """The operator's lists; their entries match `HOST`.

    An entry is a host, `*.` and a domain (its subdomains), or `*` (any). Without a port it stands
    for the usual ones.

    Attributes:
        hosts: that the server may go to.
        private_hosts: of those, the ones that may be in private networks.
        setting: the name of `hosts`, for sentences.
    """

    hosts: Sequence[str]
    private_hosts: Sequence[str]
    setting: str

    def check(self, url: str) -> Target:
        """Take an address apart and check its host.

        Raises:
            AddressRefusedError: it is none, or the host is not on the list.
        """
        if not self.hosts:
            raise AddressRefusedError(
                f"This server goes to no addresses of clients: {self.setting} is empty."
            )
        target = read_target(url)
        if not any(_fits(entry, target) for entry in self.hosts):
            raise AddressRefusedError(
                f"The operator does not let this server go to {target.authority}: "
                f"{self.setting} does not name it."
            )
        return target

    def check_numbers(self, target: Target, numbers: Sequence[str]) -> None:
        """Check what the host's name stands for: one private address spoils all.

        Raises:
            AddressRefusedError: it is no public host, nor listed as a private one.
        """
        if any(_fits(entry, target) for entry in self.private_hosts):
            return
        if not numbers or not all(is_public(number) for number in numbers):
            raise AddressRefusedError(f"{target.authority} is no public address.")


def read_target(url: str) -> Target:
    """Take an address apart.

    Raises:
        AddressRefusedError: it is not one of http or https.
    """
    if len(url) > MAX_URL_CHARACTERS or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise AddressRefusedError(
            f"An address has at most {MAX_URL_CHARACTERS} characters, all ASCII, and no spaces."
        )
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise AddressRefusedError("The address cannot be read.") from None
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise AddressRefusedError("An address must begin with http:// or https:// and a host.")
    if "@" in parts.netloc:
        raise AddressRefusedError("An address must not hold a user or a password.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    return Target(parts.scheme, host, port, path, parts.netloc)


def is_public(number: str) -> bool:
    """Return whether an IP address can be reached from everywhere."""
    address = ip_address(number)
    inner = getattr(address, "ipv4_mapped", None)
    address = address if inner is None else inner
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in block for block in NOT_PUBLIC)
    )


def _fits(entry: str, target: Target) -> bool:
    host, _, port = entry.partition(":")
    if target.port != (int(port) if port else DEFAULT_PORTS[target.scheme]):
        return False
    if host.startswith("*."):
        return target.host.endswith(host[1:])
    return host in (ANY, target.host)
