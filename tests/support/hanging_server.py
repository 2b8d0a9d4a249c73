"""A server for a process of its own in which steps, memories and encoding may hang for ever."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from maskstream_model.aliases import Frame
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.models import Models
from maskstream_server.lifecycle.server import bind, serve_forever
from maskstream_server.streaming import executor
from maskstream_server.telemetry.log import set_up_logging
from support.server import POISON, FakeModel

FOR_EVER_S = 3600.0


class HangingModel(FakeModel):
    """Hangs in the step of a poisonous frame, and in a memory that says so."""

    def look(self, frames: Sequence[Frame]) -> None:
        if any((frame[0, 0] == POISON).all() for frame in frames):
            time.sleep(FOR_EVER_S)

    def from_parts(self, parts: Mapping[str, bytes], *options: Any) -> int:
        if parts["count"] == b"hang":
            time.sleep(FOR_EVER_S)
        return super().from_parts(parts, *options)


def hang(*_: Any) -> None:
    """Take the place of encoding a result."""
    time.sleep(FOR_EVER_S)


def serve(hang_in_encoding: bool = False, **values: Any) -> None:
    """Serve with these settings, until a signal ends it."""
    settings = Settings(host="127.0.0.1", port=0, **values)
    if hang_in_encoding:
        executor.encode_and_observe = hang
    set_up_logging("json", "info")
    with bind(settings.host, settings.port) as bound:
        serve_forever(assemble(settings, Models(HangingModel())), bound)
