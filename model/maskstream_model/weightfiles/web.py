"""HTTP requests for weight files: redirects, tokens, and errors by status."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from maskstream_model.errors import DownloadError, first_line
from maskstream_model.weightfiles.addresses import checked, redirected, shown

MAX_REDIRECTS = 5
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which another attempt may succeed."""
TOLERATED = {"GET": (416,), "HEAD": (405, 501)}
"""Statuses that callers handle: no such range, and no support of HEAD."""
CONNECT_S, SILENCE_S = 10.0, 30.0
ELSEWHERE = (
    "; HF_ENDPOINT names another hub, HTTPS_PROXY a proxy, and --from FOLDER|FILE|URL another "
    "place to take the file from"
)


class PassingError(Exception):
    """A request failed in a way that may not last; the text is a clause for people.

    Attributes:
        after_s: how long the server asked to wait; None: it did not.
        advice: a further clause for people, for when no attempt succeeds.
    """

    def __init__(self, reason: str, after_s: float | None = None, advice: str = "") -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.advice = advice


def new_client(silence_s: float = SILENCE_S) -> httpx.Client:
    """Return a client with the system's certificates and the environment's proxies.

    Args:
        silence_s: timeout of a server that sends nothing.

    Raises:
        DownloadError: the environment names a proxy that cannot be used.
    """
    try:
        # Bytes as the file has them: a compressed transfer would confuse sizes.
        headers = {"Accept-Encoding": "identity", "User-Agent": "maskstream"}
        timeout = httpx.Timeout(silence_s, connect=CONNECT_S)
        return httpx.Client(verify=ssl.create_default_context(), timeout=timeout, headers=headers)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise DownloadError(
            "HTTPS_PROXY or ALL_PROXY names a proxy that cannot be used; only HTTP proxies are "
            f"supported ({first_line(error)})"
        ) from None


@dataclass(frozen=True)
class Web:
    """Where requests for one file may go.

    Attributes:
        client: sends them.
        hosts: domains that redirects may lead to, besides the host of the address.
        token: sent to the host of the address alone, after it has answered 401 or 403.
    """

    client: httpx.Client
    hosts: Sequence[str] = ()
    token: str | None = None

    @contextmanager
    def open(
        self, method: str, address: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """Send a request and yield the response with its body unread; redirects are followed.

        Its status is one of success, or one of `TOLERATED`.

        Raises:
            DownloadError: refused, not found, or a redirect that is not allowed.
            PassingError: another attempt may succeed, also where the body breaks off.
        """
        response: httpx.Response | None = None
        try:
            response = self._answer(method, checked(address), dict(headers or {}))
            yield response
        except httpx.TransportError as error:
            raise _passing(error, address) from None
        finally:
            if response is not None:
                response.close()

    def _answer(self, method: str, address: str, headers: dict[str, str]) -> httpx.Response:
        first = address
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(method, address, headers)
            if response.status_code in (401, 403) and self.token and address == first:
                response.close()
                response = self._send(
                    method, address, headers | {"Authorization": f"Bearer {self.token}"}
                )
            if not response.has_redirect_location:
                return self._judged(response, address)
            response.close()
            address = redirected(address, response.headers["Location"], self.hosts)
        raise DownloadError(f"{shown(first)} redirects more than {MAX_REDIRECTS} times")

    def _send(self, method: str, address: str, headers: Mapping[str, str]) -> httpx.Response:
        request = self.client.build_request(method, address, headers=headers)
        return self.client.send(request, stream=True, follow_redirects=False)

    def _judged(self, response: httpx.Response, address: str) -> httpx.Response:
        status = response.status_code
        if response.is_success or status in TOLERATED.get(response.request.method, ()):
            return response
        response.close()
        where = shown(address)
        if status in PASSING:
            wait = response.headers.get("Retry-After", "")
            after_s = float(wait) if wait.isascii() and wait.isdigit() else None
            raise PassingError(f"{where} answers {status}", after_s)
        if status in (401, 403):
            raise DownloadError(f"{where} answers {status}: {self._about_tokens()}")
        if status == httpx.codes.NOT_FOUND:
            raise DownloadError(
                f"{where} answers 404: there is no such file any more; --from "
                "FOLDER|FILE|URL takes it from another place"
            )
        raise DownloadError(f"{where} answers {status}")

    def _about_tokens(self) -> str:
        if self.token:
            return "the token in HF_TOKEN does not open it"
        return "it is not open to everybody, or not there; where it needs a token, set HF_TOKEN"


def _passing(error: httpx.TransportError, address: str) -> PassingError:
    host = urlsplit(address).hostname
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.ProxyError):
        reason = f"{host} cannot be reached ({first_line(error)})"
        return PassingError(reason, advice=ELSEWHERE)
    if isinstance(error, httpx.TimeoutException):
        return PassingError(f"{host} has sent nothing for too long")
    return PassingError(f"the connection to {host} broke off ({first_line(error)})")
