"""A real server in a thread on a free port, with a fake model (quick) or the tiny real one.

server = running_server()                      # or running_server(model=tiny_model())
with server as live:
    live.url, live.ws_url, live.service, live.metric("maskstream_results_total")
"""

import logging
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from maskstream_model.aliases import Frame
from maskstream_model.pixel_masks import PixelMasks
from maskstream_model.port import ClassInfo, FrameResult, TrackStatus
from maskstream_protocol import STREAM_PATH
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.models import Models
from maskstream_server.lifecycle.server import MaskstreamServer, bind, url_of
from maskstream_server.lifecycle.service import Service
from maskstream_server.media.decoder import OpenVideo
from support.fake_model import FakeModel as RectangleModel
from support.fake_model import fake_info, one_track
from support.models import models_of

POISON = 77
"""A frame whose first pixel is grey with this value makes the fake model raise."""


class FakeModel(RectangleModel):
    """Track 1 is born on the first frame and walks to the right; the state counts frames."""

    def __init__(self, name: str = "fake", step_s: float = 0.0) -> None:
        classes = (ClassInfo("thing", "#ff0000"), ClassInfo("x", "#00ff00"))
        super().__init__(self.look, fake_info(name, classes=classes))
        self.step_s = step_s

    def look(self, frames: Sequence[Frame]) -> None:
        """Take its time over frames; refuse poisoned ones."""
        for frame in frames:
            time.sleep(self.step_s)
            if (frame[0, 0] == POISON).all():
                raise RuntimeError("the fake model chokes on this frame")

    def track(self, frame: Frame, age: int) -> FrameResult:
        height, width = size = frame.shape[:2]
        values = np.full((1, height, width), -1, np.float32)
        values[:, :12, 4 * ((age - 1) % -(-width // 4)) :] = 1
        status = TrackStatus.EMERGED if age == 1 else TrackStatus.TRACKED
        return FrameResult(age, size, one_track(status, age, 0), PixelMasks(values))


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
        model: what it runs, or `Models`; the fake model by default.
        open_video: decodes uploads.
        settings: fields of `Settings`.
    """
    _quiet_log()
    values = {"host": "127.0.0.1", "port": 0, "drain_s": 3.0, "log_level": "error"} | settings
    models = model if isinstance(model, Models) else models_of(model or FakeModel())
    service = assemble(Settings(**values), models, open_video)
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
