"""A real server in a process of its own, which can be killed; its videos have three frames."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from maskstream_model.port import Model
from maskstream_server.delivery import sender
from maskstream_server.jobs import service
from maskstream_server.jobs.webhooks import schedule
from support.fake_video import FakeDecoder
from support.forks import Forked
from support.server import running_server
from support.stand_ins import stand_in

STOP_S = 60.0


def serve(load: Callable[[], Model[Any]] | None, settings: Mapping[str, object]) -> None:
    """Serve until SIGTERM; webhooks are tried again at once, and work left is looked for often."""
    schedule.ATTEMPT_S, schedule.PAUSES_S, service.TEND_S = 0.5, (0.5,) * 20, 0.2
    sender.CLAIM_S, sender.PAUSES_S, sender.TEND_S = 2.0, (0.1,), 0.2
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    decoder = FakeDecoder([np.zeros((32, 48, 3), np.uint8)] * 3, announced=3)
    with running_server(load() if load else None, open_video=decoder, **settings) as live:
        print(live.url, flush=True)
        stopped.wait()


@dataclass
class ServerProcess:
    """A running server."""

    url: str
    process: Forked

    def kill(self) -> None:
        """Kill it as the kernel does that has no memory left."""
        self.process.kill()
        self.process.wait()


@contextmanager
def server_process(
    settings: Mapping[str, object],
    facts: Mapping[str, object] | None = None,
    load: Callable[[], Model[Any]] | None = None,
) -> Iterator[ServerProcess]:
    """Run one; at the end it stops in order, unless it was killed.

    Args:
        settings: fields of `Settings`.
        facts: of the stand-in that it runs, see `stand_ins.stand_in`; None: the fake model.
        load: returns the model that it runs, where that is no stand-in.
    """
    process = Forked(serve, partial(stand_in, **facts) if facts else load, settings)
    try:
        yield ServerProcess(process.stdout.readline().strip(), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) in (0, -signal.SIGKILL)
    finally:
        process.close()
