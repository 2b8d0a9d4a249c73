"""A real redis-server (or valkey-server) on a free port, with its data in a temporary folder.

The binary is the one on PATH, else the one that MASKSTREAM_REDIS_SERVER names
(`scripts/redis_server.sh` prints one); tests that need it are skipped where there is neither.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

PATIENT_S = 30.0
"""How long a command may take where a test is not about time: a machine may be busy."""


def redis_binary() -> str | None:
    """Return the server's path; None where there is none."""
    named = os.environ.get("MASKSTREAM_REDIS_SERVER")
    return shutil.which("redis-server") or shutil.which("valkey-server") or named or None


class RedisServer:
    """One server process that can be stopped, killed, paused and started again, with its data."""

    def __init__(self, binary: str, folder: Path, *options: str) -> None:
        self.binary = binary
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=30, protocol=2)

    def start(self, timeout_s: float = 60) -> None:
        # The longest wait is for a machine that is busy; it usually takes 20 ms.
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        options += ["--maxmemory-policy", "noeviction", *self.options]
        log = (self.folder / "redis.log").open("ab")
        with log:
            self.process = subprocess.Popen([self.binary, *options], stdout=log, stderr=log)
        until = time.monotonic() + timeout_s
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "redis.log").read_text()[-2000:])
            time.sleep(0.01)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(timeout=60)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that leave it as it was."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of this test alone, to be killed and restarted."""
    with running_redis(tmp_path) as server:
        yield server


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """A server that keeps its data in `folder`; skips where there is none to start."""
    binary = redis_binary()
    if binary is None:
        pytest.skip("no redis-server: neither on PATH nor named by MASKSTREAM_REDIS_SERVER")
    server = RedisServer(binary, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
