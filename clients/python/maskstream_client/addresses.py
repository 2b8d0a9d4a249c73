"""The addresses of a stream's servers, tried in turn: any that shares a store can continue it."""

from __future__ import annotations

from maskstream_client.network import proxy_for, shown
from maskstream_client.urls import stream_url


class Addresses:
    """One address at least, and which of them is tried now.

    Args:
        urls: addresses separated by commas; each as `stream_url` takes it.

    Raises:
        ValueError: one of them is no URL of a server.
        ConnectionFailedError: the environment names a proxy that cannot be used.
    """

    def __init__(self, urls: str) -> None:
        self._urls = tuple(stream_url(url.strip()) for url in urls.split(","))
        self._proxies = tuple(proxy_for(url) for url in self._urls)
        self._turn = 0

    @property
    def current(self) -> str:
        """The address to connect to."""
        return self._urls[self._turn % len(self._urls)]

    @property
    def proxy(self) -> str | None:
        """The HTTP proxy on the way there."""
        return self._proxies[self._turn % len(self._urls)]

    @property
    def shown(self) -> str:
        """The address for messages."""
        return shown(self.current, self.proxy)

    @property
    def all(self) -> str:
        """All of them, as `Addresses` takes them."""
        return ",".join(self._urls)

    def turn(self) -> None:
        """Move to the next one; after the last comes the first."""
        self._turn += 1

    def __len__(self) -> int:
        return len(self._urls)
