"""Servers and workers for a process of its own whose warm-up does not end, in torch's own code."""

from collections.abc import Sequence
from typing import Any

import torch

from maskstream_model.aliases import Frame
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.models import Models
from maskstream_server.lifecycle.server import bind, serve_forever
from maskstream_server.lifecycle.worker import work_forever
from maskstream_server.telemetry.log import set_up_logging
from support.server import FakeModel


class SlowModel(FakeModel):
    """Multiplies matrices forever in its first step, after it has printed a line."""

    def look(self, frames: Sequence[Frame]) -> None:
        print("steps", flush=True)
        numbers = torch.eye(512)
        while True:
            numbers = numbers @ numbers


def serve(**values: Any) -> None:
    """Begin to serve with these settings, until a signal ends it."""
    settings = Settings(host="127.0.0.1", port=0, threads=1, **values)
    set_up_logging("json", "info")
    with bind(settings.host, settings.port) as bound:
        serve_forever(assemble(settings, Models(SlowModel())), bound)


def work(**values: Any) -> None:
    """Begin to work with these settings, until a signal ends it."""
    set_up_logging("json", "info")
    work_forever(Settings(threads=1, **values), Models(SlowModel()), lambda: None)
