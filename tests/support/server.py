"""A real server in a thread on a free port, with a fake model (quick) or the tiny real one.

server = running_server()                      # or running_server(model=tiny_model())
with server as live:
    live.url, live.ws_url, live.service, live.metric("maskstream_results_total")
"""

import logging
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import torch

from maskstream_model.aliases import Frame
from maskstream_model.config import ClassInfo, ModelConfig
from maskstream_model.errors import StateError
from maskstream_model.interface import StepByStep
from maskstream_model.tasks.output import FrameOutput
from maskstream_protocol import STREAM_PATH
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.server import MaskstreamServer, bind, url_of
from maskstream_server.lifecycle.service import Service
from maskstream_server.media.ports import OpenVideo

POISON = 77
"""A frame whose first pixel is grey with this value makes the fake model raise."""


class FakeModel(StepByStep[int]):
    """Track 1 is born on the first frame and walks to the right; the state counts frames."""

    def __init__(self, name: str = "fake", step_s: float = 0.0) -> None:
        self.config = ModelConfig(name, (ClassInfo("thing", "#ff0000"), ClassInfo("x", "#00ff00")))
        self.fingerprint = f"{name}-1"
        self.step_s = step_s

    def initial_state(self) -> int:
        return 0

    def step(
        self, frame: Frame, state: int, max_tracks: int | None = None
    ) -> tuple[FrameOutput, int]:
        time.sleep(self.step_s)
        if (frame[0, 0] == POISON).all():
            raise RuntimeError("the fake model chokes on this frame")
        height, width = frame.shape[:2]
        grid = -torch.ones(1, -(-height // 4), -(-width // 4))
        grid[:, :3, state % grid.shape[2] :] = 1
        age = torch.tensor([state + 1])
        status = torch.tensor([int(state > 0)])
        logits, score = torch.zeros(1, 3), torch.tensor([0.9])
        padded = (4 * grid.shape[1], 4 * grid.shape[2])
        born = torch.tensor([1])
        label = torch.tensor([0])
        sizes = ((height, width), padded)
        return FrameOutput(born, status, logits, logits, grid, score, label, age, *sizes), state + 1

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def state_to_bytes(self, state: int) -> bytes:
        return str(state).encode()

    def state_from_bytes(self, blob: bytes) -> int:
        if not blob.isdigit():
            raise StateError("no count")
        return int(blob)


@dataclass
class LiveServer:
    """A running server, seen from outside and from inside."""

    url: str
    service: Service
    server: MaskstreamServer
    thread: threading.Thread

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + STREAM_PATH

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        value = self.service.metrics.registry.get_sample_value(name, labels)
        return 0.0 if value is None else value

    def stop(self) -> None:
        """Stop as a signal would; returns when the server is gone."""
        self.server.should_exit = True
        self.thread.join(timeout=30)
        assert not self.thread.is_alive(), "the server does not stop"


def _quiet_log() -> None:
    """Leave out what tests provoke; its long traces take seconds to draw."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@contextmanager
def running_server(
    model: Any = None, open_video: OpenVideo | None = None, **settings: Any
) -> Iterator[LiveServer]:
    """Run a server; `settings` are those of `Settings`, quick ones by default.

    Args:
        model: what it runs; the fake model by default.
        open_video: decodes uploads.
        settings: fields of `Settings`.
    """
    _quiet_log()
    values = {"host": "127.0.0.1", "port": 0, "drain_s": 3.0, "log_level": "error"} | settings
    service = assemble(Settings(**values), FakeModel() if model is None else model, open_video)
    bound = bind(service.settings.host, service.settings.port)
    url = url_of(bound)
    ready = threading.Event()
    server = MaskstreamServer(service, ready.set)
    thread = threading.Thread(target=server.run, args=([bound],), name="live-server", daemon=True)
    thread.start()
    try:
        if not ready.wait(timeout=30):
            raise RuntimeError(f"the server did not start: {server.failure}")
        live = LiveServer(url, service, server, thread)
        yield live
    finally:
        server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive(), "the server does not stop"
