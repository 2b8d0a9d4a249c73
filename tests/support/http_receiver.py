"""A real HTTP server that answers as the test says, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """Headers are sent as they are, None leaves one out; a length is added by default.

    Where there is `held`, the connection stays open after the body until that is set.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str | None] = field(default_factory=dict)
    held: threading.Event | None = None


@dataclass
class Receiver:
    """Answers with what `reply` returns.

    Attributes:
        port: where it listens, at `host`.
        asked: all requests so far.
    """

    host: str
    port: int
    reply: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"


@contextmanager
def http_receiver(
    reply: Callable[[Asked], Answer] = lambda asked: Answer(),
    host: str = "127.0.0.1",
    certificate: Path | None = None,
) -> Iterator[Receiver]:
    """Run one in a thread; with a certificate and its key it speaks https."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            receiver.asked.append(asked)
            answer = receiver.reply(asked)
            self.send_response(answer.status)
            for name, value in ({"Content-Length": str(len(answer.body))} | answer.headers).items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
                self.wfile.flush()
                if answer.held is not None:
                    answer.held.wait()

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A client that goes away is none."""

    with Server((host, 0), Handler) as server:
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(host, server.server_address[1], reply)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
