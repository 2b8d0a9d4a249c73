"""Servers in processes of their own, as `maskstream serve` runs them."""

import multiprocessing
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from prometheus_client.parser import text_string_to_metric_families

from maskstream_protocol import STREAM_PATH
from maskstream_server.config.settings import Settings
from maskstream_server.errors import MaskstreamServerError, StartError
from maskstream_server.lifecycle.models import Models

STOP_S = 30.0
MakeModels = Callable[[Settings], Models]
"""Makes what a server runs, in its own process."""


@dataclass(frozen=True)
class BenchServer:
    """A running server, seen from outside."""

    url: str

    @property
    def stream_url(self) -> str:
        """Where its streams begin."""
        return self.url.replace("http", "ws", 1) + STREAM_PATH

    def metrics(self) -> dict[str, float]:
        """Return what it counts, without what has labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        samples = [
            each for family in text_string_to_metric_families(text) for each in family.samples
        ]
        return {each.name: each.value for each in samples if not each.labels}


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
    processes, told = [], []
    try:
        for each in settings:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_serve, args=(each, make_models, theirs), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            told.append(ours)
        yield [BenchServer(_address(each)) for each in told]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(STOP_S)
            process.kill()


def _address(told: Connection) -> str:
    try:
        said = told.recv()
    except EOFError:
        raise StartError("A server ended before it was ready; its log says why.") from None
    if isinstance(said, MaskstreamServerError):
        raise said
    return str(said)


def _serve(settings: Settings, make_models: MakeModels, told: Connection) -> None:
    """Run one server in this process; tells its address, or why it has none."""
    from maskstream_server.lifecycle.assembly import assemble
    from maskstream_server.lifecycle.server import MaskstreamServer, bind, url_of
    from maskstream_server.telemetry.log import set_up_logging

    set_up_logging(settings.log_format, settings.log_level)
    try:
        with bind(settings.host, settings.port) as bound:
            service = assemble(settings, make_models(settings))
            MaskstreamServer(service, lambda: told.send(url_of(bound))).run([bound])
    except MaskstreamServerError as error:
        told.send(error)
