"""`maskstream serve` as processes of their own, to be killed, frozen and started again."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.forks import Forked

START_WITHIN_S = 120


class ServerProcess:
    """One server with the address that the kernel gave it first; its words go to `log`."""

    def __init__(self, log: Path, *options: str) -> None:
        self._log = log
        self._options = options
        self._ready = threading.Event()
        self._process: Forked | None = None
        self.port = 0

    def start(self) -> None:
        """Begin to start; `wait_ready` waits for the end of that."""
        self._ready.clear()
        self._process = Forked(serve, "--port", str(self.port), *self._options, log=self._log)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def wait_ready(self) -> None:
        if not self._ready.wait(START_WITHIN_S) or not self.is_running:
            raise RuntimeError(f"the server did not start: {self._log.read_text()[-2000:]}")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def terminate(self, within_s: float) -> int:
        """Ask it to leave; return its exit status, or raise where it takes longer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(within_s)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=60)

    def _read(self, process: Forked) -> None:
        with process.stdout as words:
            line = words.readline().strip()
            if line:
                self.port = int(line.rsplit(":", 1)[1])
            self._ready.set()
            for _ in words:
                pass


def serve(*options: str) -> None:
    """What `maskstream serve` does."""
    from maskstream_server.commands import serve

    serve.main(list(options))


@contextmanager
def server_processes(folder: Path, count: int, *options: str) -> Iterator[list[ServerProcess]]:
    """Run servers that differ only in their ports; all are ready."""
    servers = [ServerProcess(folder / f"server-{n}.log", *options) for n in range(count)]
    with ExitStack() as ends:
        for server in servers:
            ends.callback(server.kill)
            server.start()
        for server in servers:
            server.wait_ready()
        yield servers
