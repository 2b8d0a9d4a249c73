"""An HTTP client that only goes where its rules let it.

Names are looked up once for each connection, all that they stand for is checked, and the
connection goes to what was checked: a name that changes in between (DNS rebinding) changes
nothing. Proxies named by the environment are not used, since they look names up anew.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from urllib.parse import urljoin

import httpcore

from maskstream_server.errors import AddressRefusedError, OutboundError
from maskstream_server.outbound.rules import HostRules, Target

CONNECT_S = 10.0
SILENCE_S = 30.0
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
TIMES = {"connect": CONNECT_S, "read": SILENCE_S, "write": SILENCE_S, "pool": CONNECT_S}
FAILURES = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)

Answer = httpcore.Response
"""Status and headers; `aiter_stream` gives the body."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses that a name stands for."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system what a name stands for.

    Raises:
        OutboundError: it does not know.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
    except (OSError, TimeoutError, UnicodeError):
        raise OutboundError(f"There is no host {host}.") from None
    return [str(entry[4][0]) for entry in found]


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to one target, at the addresses that have been checked."""

    def __init__(self, rules: HostRules, target: Target, find: Resolve) -> None:
        self._rules, self._target, self._find = rules, target, find
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look the target's name up, check it, and connect to the first address that answers."""
        numbers = await self._find(self._target.host, self._target.port)
        self._rules.check_numbers(self._target, numbers)
        failure: Exception = httpcore.ConnectError("no address")
        for number in dict.fromkeys(numbers):
            try:
                return await self._network.connect_tcp(number, self._target.port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class OutboundClient:
    """Makes requests, each over a connection of its own.

    Args:
        rules: where it may go.
        find: looks names up.
        tls: whom to trust; None: whom the system and certifi trust.
    """

    def __init__(
        self, rules: HostRules, find: Resolve = resolve, tls: SSLContext | None = None
    ) -> None:
        self._rules = rules
        self._find = find
        self._tls = tls

    def _trust(self) -> SSLContext:
        """Return whom to trust; reading that takes a while, and is done once, when it is needed."""
        if self._tls is None:
            self._tls = httpcore.default_ssl_context()
        return self._tls

    @asynccontextmanager
    async def get(self, url: str) -> AsyncIterator[Answer]:
        """Follow redirects to an answer; its body is still to come.

        Raises:
            AddressRefusedError: the address, or one that it redirects to, is not allowed.
            OutboundError: the other side cannot be reached, or breaks off.
        """
        secure = False
        for _ in range(1 + MAX_REDIRECTS):
            target = self._rules.check(url)
            if secure and target.scheme != "https":
                raise AddressRefusedError("The address redirects from https to http.")
            secure = target.scheme == "https"
            async with self._exchange("GET", target, {"Accept-Encoding": "identity"}) as answer:
                onward = header(answer, "location")
                if answer.status not in REDIRECTS or onward is None:
                    yield answer
                    return
            url = urljoin(url, onward)
        raise OutboundError("The address redirects too often.")

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a body; return the status of the answer, which is not read.

        Raises:
            AddressRefusedError: the address is not allowed.
            OutboundError: the other side cannot be reached, or does not answer.
        """
        async with self._exchange("POST", self._rules.check(url), headers, body) as answer:
            return answer.status

    @asynccontextmanager
    async def _exchange(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[Answer]:
        network = _CheckedNetwork(self._rules, target, self._find)
        tls = self._trust() if target.scheme == "https" else SSLContext(PROTOCOL_TLS_CLIENT)
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        own = {"Host": target.authority, "User-Agent": "maskstream", "Connection": "close"}
        try:
            async with (
                httpcore.AsyncConnectionPool(tls, network_backend=network) as pool,
                pool.stream(
                    method,
                    url,
                    headers=list((own | dict(headers)).items()),
                    content=body,
                    extensions={"timeout": TIMES},
                ) as answer,
            ):
                yield answer
        except FAILURES as error:
            raise OutboundError(_sentence(error, target)) from error


def header(answer: Answer, name: str) -> str | None:
    """Return the first header of that name (in lower case); None where there is none."""
    found = (value for key, value in answer.headers if key.lower() == name.encode())
    value = next(found, None)
    return None if value is None else value.decode("latin-1")


def _sentence(error: Exception, target: Target) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return f"{target.authority} does not answer in time."
    if isinstance(error, httpcore.ConnectError):
        return f"{target.authority} cannot be reached."
    return f"{target.authority} broke the connection off."
