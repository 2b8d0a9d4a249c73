"""A way to a server that breaks where a test wants it to."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets the connection."""


@dataclass(frozen=True)
class Cut:
    """Where a connection breaks: after so many bytes to the server, or from it."""

    up: int | None = None
    down: int | None = None


@dataclass
class CuttingProxy:
    """Passes bytes on; the first connections break as `cuts` say, the others hold.

    Attributes:
        target: host and port of the server.
        cuts: of the next connections.
        num_connections: so far.
        away: new connections are closed at once.
    """

    target: tuple[str, int] = ("127.0.0.1", 9)
    cuts: list[Cut] = field(default_factory=list)
    num_connections: int = 0
    away: bool = False
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def lead_to(self, url: str) -> None:
        """Another server is behind it from now on."""
        parts = urlsplit(url)
        self.target = (parts.hostname or "", parts.port or 80)

    def serve(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            self.num_connections += 1
            if self.away:
                _break(inner)
                continue
            cut = self.cuts.pop(0) if self.cuts else Cut()
            try:
                outer = socket.create_connection(self.target)
            except OSError:
                _break(inner)
                continue
            for source, sink, limit in ((inner, outer, cut.up), (outer, inner, cut.down)):
                threading.Thread(target=_pass_on, args=(source, sink, limit), daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _pass_on(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    passed = 0
    try:
        while block := source.recv(1 << 16):
            if limit is not None and passed + len(block) >= limit:
                sink.sendall(block[: limit - passed])
                break
            sink.sendall(block)
            passed += len(block)
    except OSError:
        pass
    _break(source)
    _break(sink, gently=True)


def _break(side: socket.socket, gently: bool = False) -> None:
    """Close; gently lets arrive what was sent, else what is on its way is lost."""
    with contextlib.suppress(OSError):
        if not gently:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        side.shutdown(socket.SHUT_RDWR)
    side.close()


@contextlib.contextmanager
def cutting_proxy(url: str, *cuts: Cut) -> Iterator[CuttingProxy]:
    """A proxy before the server at `url`."""
    proxy = CuttingProxy(cuts=list(cuts))
    proxy.lead_to(url)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(timeout=60)
