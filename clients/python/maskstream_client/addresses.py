"""The addresses of a stream's servers, tried in turn: any that shares a store can go on with it."""

from __future__ import annotations

from maskstream_client.options import stream_url


class Addresses:
    """One address at least, and which of them is tried now.

    Args:
        urls: addresses separated by commas; each as `stream_url` takes it.

    Raises:
        ValueError: one of them is no URL of a server.
    """

    def __init__(self, urls: str) -> None:
        self._urls = tuple(stream_url(url.strip()) for url in urls.split(","))
        self._turn = 0

    @property
    def current(self) -> str:
        """The address to connect to."""
        return self._urls[self._turn % len(self._urls)]

    @property
    def all(self) -> str:
        """All of them, as `Addresses` takes them."""
        return ",".join(self._urls)

    def turn(self) -> None:
        """Go on to the next one; after the last comes the first."""
        self._turn += 1

    def __len__(self) -> int:
        return len(self._urls)
