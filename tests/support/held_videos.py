"""A server whose videos stop at a frame until they may go on, and patience for what comes of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from support.fake_video import FakeDecoder
from support.server import LiveServer, running_server

FRAMES = [np.full((32, 48, 3), value, np.uint8) for value in range(23)]
"""Of every video there."""
SOON_S = 150.0


@dataclass(frozen=True)
class HeldServer:
    """A server whose videos stop at a frame until `go_on` is set."""

    live: LiveServer
    decoder: FakeDecoder
    go_on: threading.Event


@contextmanager
def held_server(at: int = 13) -> Iterator[HeldServer]:
    """Run one whose videos stop at frame `at`; it makes a checkpoint every five frames."""
    go_on = threading.Event()
    decoder = FakeDecoder(FRAMES, announced=len(FRAMES))
    decoder.on_frame = lambda index: index != at or go_on.wait(SOON_S)
    with running_server(open_video=decoder, checkpoint_frames=5) as live:
        try:
            yield HeldServer(live, decoder, go_on)
        finally:
            go_on.set()


def until(condition: Callable[[], object], within_s: float = SOON_S) -> None:
    """Wait until something holds."""
    ends_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.02)
