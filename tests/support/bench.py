"""Servers of benchmarks in threads of this process, which start sooner than processes."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from maskstream_bench.servers import BenchServer, MakeModels
from maskstream_server.config.settings import Settings
from support.server import running_server


@contextmanager
def in_threads(
    settings: Sequence[Settings], make_models: MakeModels
) -> Iterator[list[BenchServer]]:
    """Run servers as `servers.running_servers` does."""
    with ExitStack() as running:
        options = [each.model_dump(exclude_unset=True) for each in settings]
        servers = [running_server(make_models(settings[0]), **each) for each in options]
        urls = [running.enter_context(server).url for server in servers]
        yield [BenchServer(url, os.getpid()) for url in urls]
