"""What `make demo-failover` runs: two servers behind one store, and the serving one dies.

A page at one address streams through a small proxy to whichever server is up. Every so many seconds
the server that holds the streams is killed with SIGKILL; the page resumes at the other one, with
the same identities, and the killed one starts again.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

START_S = 180.0
CHUNK = 1 << 16


def main() -> None:
    """Run until Ctrl-C."""
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="maskstream-failover-") as folder, ExitStack() as ends:
        store = ends.enter_context(running_store(arguments.redis, Path(folder)))
        servers = [Server(free_port(), store, Path(folder) / f"server-{n}.log") for n in (1, 2)]
        for server in servers:
            ends.callback(server.kill)
            server.start()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(Demo(servers, arguments).run())


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--redis", required=True, help="a redis-server (scripts/redis_server.sh)")
    parser.add_argument("--port", type=int, default=8000, help="of the page; 0: a free one")
    parser.add_argument("--every", type=float, default=20, metavar="SECONDS", help="between kills")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    return parser.parse_args()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_store(binary: str, folder: Path) -> Iterator[str]:
    """Start a Redis that keeps nothing on disk; yield its URL."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


@dataclass
class Server:
    """A `maskstream serve` on a port of its own, which can be killed and started again."""

    port: int
    store: str
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Begin to start it."""
        program = Path(sysconfig.get_path("scripts")) / "maskstream"
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--store", self.store]
        with self.log.open("ab") as log:
            # In a group of its own: Ctrl-C is for the demonstration alone.
            self.process = subprocess.Popen(
                [str(program), "serve", *options], stdout=log, stderr=log, process_group=0
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def ready(self) -> None:
        """Return when it takes sessions; leave with its own words where it has stopped."""
        async with asyncio.timeout(START_S):
            while not await self._is_ready():
                if self.process is None or self.process.poll() is not None:
                    sys.exit(f"A server did not start:\n{self.log.read_text(errors='replace')}")
                await asyncio.sleep(0.2)

    async def _is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        host = f"127.0.0.1:{self.port}"
        writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.readline()
        writer.close()
        return b" 200 " in answer


@dataclass
class Demo:
    """The proxy at the page's address, and what happens behind it."""

    servers: list[Server]
    arguments: argparse.Namespace
    pipes: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        """Serve, and kill the serving one again and again."""
        print("Starting two servers and a store", flush=True)
        await asyncio.gather(*(server.ready() for server in self.servers))
        proxy = await asyncio.start_server(self.connect, "127.0.0.1", self.arguments.port)
        url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        print(f"Open {url} and press Start: the page is at that address", flush=True)
        if not self.arguments.no_open:
            webbrowser.open(url)
        while True:
            await asyncio.sleep(self.arguments.every)
            await self.kill_serving()

    async def kill_serving(self) -> None:
        """Kill the first server; the second is the first from now on."""
        killed, other = self.servers
        self.servers = [other, killed]
        killed.kill()
        print(f"Killed the server at port {killed.port}; {other.port} serves now", flush=True)
        killed.start()
        await killed.ready()

    async def connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Pass a connection on to the serving server."""
        try:
            far, out = await asyncio.open_connection("127.0.0.1", self.servers[0].port)
        except OSError:
            back.close()
            return
        for source, sink in ((near, out), (far, back)):
            task = asyncio.create_task(pump(source, sink))
            self.pipes.add(task)
            task.add_done_callback(self.pipes.discard)


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass bytes on until either side has ended."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()
    sink.close()


if __name__ == "__main__":
    main()
