"""A server that takes videos and steps a fake decoder's frames, and a client of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from support.fake_video import FakeDecoder
from support.held_videos import FRAMES
from support.server import LiveServer, running_server

SOON_S = 150.0


@dataclass
class World:
    """A server that takes videos, and a client of it."""

    live: LiveServer
    decoder: FakeDecoder
    client: httpx.Client
    go_on: threading.Event = field(default_factory=threading.Event)

    def submit(self, name: str = "a.mp4", data: bytes = b"a video", **fields) -> httpx.Response:
        headers = fields.pop("headers", None)
        return self.client.post(
            "/v1/videos", files={"file": (name, data)}, data=fields, headers=headers
        )

    def until(self, video: str, condition: Callable[[dict], bool]) -> dict:
        until = time.monotonic() + SOON_S
        while not condition(record := self.client.get(f"/v1/videos/{video}").json()):
            assert time.monotonic() < until, record
            time.sleep(0.02)
        return record

    def done(self, video: str) -> dict:
        return self.until(video, lambda record: record["state"] in ("done", "failed", "cancelled"))


@contextmanager
def world(decoder: FakeDecoder | None = None, **settings) -> Iterator[World]:
    decoder = decoder or FakeDecoder(FRAMES, announced=len(FRAMES))
    with (
        running_server(open_video=decoder, **settings) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        yield World(live, decoder, client)
