"""What may stand before a server: an HTTP proxy that clients name, or one that has it below a path.

with http_proxy() as proxy:                   # proxy.requests == ["CONNECT 127.0.0.1:8000"]
with below("/mask", live_server.port) as front:  # http://127.0.0.1:{front.port}/mask/v1/...
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Route = Callable[[str, str], tuple[tuple[str, int], str] | None]
"""Of a method and target: where to, and under which target there; None: refused."""


@dataclass
class Front:
    """Listens on a free port and passes each connection's request on; `requests` are its lines."""

    route: Route
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def serve(self, listening: socket.socket) -> None:
        self.port = listening.getsockname()[1]
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            head, rest = _head(near)
            line, _, headers = head.partition("\r\n")
            method, target, version = line.split(" ")
            self.requests.append(f"{method} {target}")
            routed = self.route(method, target)
            if routed is None:
                near.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            where, target = routed
            with socket.create_connection(where, timeout=30) as far:
                far.settimeout(None)
                if method == "CONNECT":
                    near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    # One request a connection, but for a WebSocket, so that each is seen.
                    headers = headers.replace("keep-alive", "close")
                    far.sendall(f"{method} {target} {version}\r\n{headers}\r\n\r\n".encode() + rest)
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join()


def _head(near: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := near.recv(1 << 16)):
            raise OSError("no request")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def _listening(route: Route) -> Iterator[Front]:
    front = Front(route)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        front.port = listening.getsockname()[1]
        threading.Thread(target=front.serve, args=(listening,), daemon=True).start()
        try:
            yield front
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def http_proxy(*, refuses: bool = False) -> "contextmanager[Front]":
    """A proxy for everything, or one that lets nobody through."""

    def route(method: str, target: str) -> tuple[tuple[str, int], str] | None:
        if refuses:
            return None
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return (parts.hostname or "", parts.port or 80), path

    return _listening(route)


def below(path: str, port: int) -> "contextmanager[Front]":
    """A proxy that has the server of a port below a path, which it takes away."""

    def route(method: str, target: str) -> tuple[tuple[str, int], str] | None:
        if not target.startswith(f"{path}/"):
            return None
        return ("127.0.0.1", port), target.removeprefix(path)

    return _listening(route)
