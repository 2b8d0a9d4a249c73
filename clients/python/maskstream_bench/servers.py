"""Servers in processes of their own, as `maskstream serve` runs them, and streams to them."""

import multiprocessing
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from maskstream_bench.report import Run
from maskstream_bench.streams import Samples, endless, send_all
from maskstream_client.async_client import AsyncClient
from maskstream_client.pictures import Picture
from maskstream_server.config.settings import Settings
from maskstream_server.errors import MaskstreamServerError, StartError
from maskstream_server.lifecycle.models import Models

STOP_S: Final = 30.0
WARM_UP_FRAMES: Final = 10
OURS: Final = {"host": "127.0.0.1", "port": 0, "api_keys": (), "data_folder": None, "bucket": None}
"""Settings of servers that only the benchmark uses."""
MakeModels = Callable[[Settings], Models]
"""Makes the models of a server, in its own process."""


@dataclass(frozen=True)
class BenchServer:
    """A running server, seen from outside: its address and its process."""

    url: str
    pid: int

    def read(self, path: str) -> bytes:
        """Return the body of a GET."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def metrics(self) -> dict[str, float]:
        """Return its metrics without labels, by name."""
        families = text_string_to_metric_families(self.read("/metrics").decode())
        samples = [each for family in families for each in family.samples]
        return {each.name: each.value for each in samples if not each.labels}


class Turns:
    """One session on one server, which streams in turns, one frame in flight.

    Args:
        server: a running one.
        client: of the session, with one frame in flight.
    """

    def __init__(self, server: BenchServer, client: AsyncClient) -> None:
        self._server, self.client = server, client
        self._samples, self._rounds_ms = Samples(), list[float]()
        self._before: dict[str, float] = {}

    async def warm_up(self, pictures: list[Picture]) -> None:
        """Stream a few frames to warm up; counting starts after them."""
        await send_all(self.client, endless(pictures, WARM_UP_FRAMES), Samples())
        await self.client.flush()
        self._before = self._server.metrics()

    async def take(self, pictures: list[Picture], frames: int, fps: float | None = None) -> None:
        """Stream one round, until all of it is durable."""
        before = len(self._samples.latencies_s)
        await send_all(self.client, endless(pictures, frames), self._samples, fps)
        await self.client.flush()
        self._rounds_ms.append(round(1e3 * median(self._samples.latencies_s[before:]), 2))

    def report(self) -> Run:
        """Return latencies, and the server's CPU time and committed bytes per frame."""
        after = self._server.metrics()
        counted = {name: value - self._before.get(name, 0.0) for name, value in after.items()}
        commits = max(1.0, counted["maskstream_commit_bytes_count"])
        cpu_s = counted["process_cpu_seconds_total"]
        return {
            **self._samples.report(),
            "latency_ms_p50_of_rounds": self._rounds_ms,
            "server_cpu_ms": round(1000 * cpu_s / self._samples.num_frames, 2),
            "commit_bytes": round(counted["maskstream_commit_bytes_sum"] / commits),
        }


@contextmanager
def running_servers(
    settings: Sequence[Settings], make_models: MakeModels
) -> Iterator[list[BenchServer]]:
    """Run a server for each of the settings until the context ends.

    Raises:
        StartError: one cannot start.
    """
    # A forked copy of a process that has run torch may hang.
    context = multiprocessing.get_context("spawn")
    processes, pipes = list[Any](), list[Connection]()
    try:
        for each in settings:
            parent, child = context.Pipe(duplex=False)
            arguments = each.model_copy(update=OURS), make_models, child
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            child.close()
            processes.append(process)
            pipes.append(parent)
        addresses = [_address(pipe) for pipe in pipes]
        yield [
            BenchServer(url, process.pid) for url, process in zip(addresses, processes, strict=True)
        ]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(STOP_S)
            process.kill()


def _address(pipe: Connection) -> str:
    try:
        message = pipe.recv()
    except EOFError:
        raise StartError("A server ended before it was ready; its log says why.") from None
    if isinstance(message, MaskstreamServerError):
        raise message
    return str(message)


def _serve(settings: Settings, make_models: MakeModels, pipe: Connection) -> None:
    """Run one server in this process; sends its address, or why it has none."""
    from maskstream_server.lifecycle.assembly import assemble
    from maskstream_server.lifecycle.server import MaskstreamServer, bind, url_of
    from maskstream_server.telemetry.log import set_up_logging

    set_up_logging(settings.log_format, settings.log_level)
    try:
        with bind(settings.host, settings.port) as bound:
            service = assemble(settings, make_models(settings))
            MaskstreamServer(service, lambda: pipe.send(url_of(bound))).run([bound])
    except MaskstreamServerError as error:
        pipe.send(error)
