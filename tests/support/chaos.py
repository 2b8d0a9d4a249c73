"""A stream through two servers and one Redis that are killed, restarted and cut off meanwhile.

A seed decides what happens after which frame (`Plan.draw`); `Storm.stream` sends the frames with
the real client and lets it happen. The answers must be those of a run that nothing disturbed.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from PIL import Image

from maskstream_client import Client, Result, RetryRules, StreamOptions, events
from maskstream_client.events import Event
from maskstream_client.pictures import PacketCodec
from maskstream_client.sources import open_frames
from maskstream_client.video import VideoFrame
from support.proxy import Proxy
from support.redis_server import RedisServer
from support.serving import ServerProcess, server_processes

CLIP = Path(__file__).resolve().parents[2] / "examples" / "cars.mp4"
SIZE = (384, 216)
WAIT_S = 120
RULES = RetryRules(first_delay_s=0.1, max_delay_s=1.0, give_up_after_s=120.0)
Facts = tuple[Any, ...]


@dataclass(frozen=True)
class Plan:
    """What happens after which frame."""

    seed: int
    num_frames: int
    kills: tuple[int, ...]
    redis_restart: int
    cut: int
    cut_s: float = 3.0

    @classmethod
    def draw(cls, seed: int, num_frames: int, num_kills: int, cut_s: float = 3.0) -> "Plan":
        """Draw different frames, none of the first three (a stream that stands) nor the last."""
        frames = random.Random(seed).sample(range(3, num_frames - 1), num_kills + 2)
        *kills, restart, cut = frames
        return cls(seed, num_frames, tuple(sorted(kills)), restart, cut, cut_s)


@dataclass
class Outcome:
    """What a client saw of one stream: all that must not change, and what it lived through."""

    results: list[Facts] = field(default_factory=list)
    num_dropped: int = 0
    num_resets: int = 0
    num_resumed: int = 0
    num_objects: int = 0
    longest_wait_s: float = 0.0

    @property
    def num_tracks(self) -> int:
        return len({record.track_id for each in self.results for record, _ in each[3]})

    def add(self, result: Result) -> None:
        self.num_dropped += result.drop_reason is not None
        self.num_objects += len(result.objects)
        self.longest_wait_s = max(self.longest_wait_s, result.latency_s)
        self.results.append(facts(result))

    def hear(self, event: Event) -> None:
        self.num_resets += isinstance(event, events.IdentitiesReset)
        self.num_resumed += isinstance(event, events.Connected) and event.welcome.resumed


def facts(result: Result) -> Facts:
    """Everything of a result but its times."""
    objects = tuple((item.record, item.mask().tobytes()) for item in result.objects)
    return (result.frame_index, result.drop_reason, result.epoch, objects)


@dataclass
class Storm:
    """Two servers behind proxies, and their store.

    Attributes:
        done: what happened, in order, for the report.
    """

    servers: list[ServerProcess]
    redis: RedisServer
    proxies: list[Proxy]
    done: list[dict[str, object]] = field(default_factory=list)

    @property
    def urls(self) -> str:
        return ",".join(f"ws://127.0.0.1:{proxy.port}" for proxy in self.proxies)

    def stream(
        self,
        frames: list[np.ndarray],
        deeds: Mapping[int, Callable[[], None]] = MappingProxyType({}),
        rules: RetryRules = RULES,
        codec: PacketCodec | None = None,
    ) -> Outcome:
        """Send all frames, do what is to be done after some of them; return what came back."""
        outcome = Outcome()
        options = StreamOptions(min_score=0.0, retry=rules)
        with Client(self.urls, options, on_event=outcome.hear) as client:
            source = WatchedFrames(frames, deeds)
            for _, result in client.stream(source, every_frame=True, codec=codec):
                outcome.add(result)
        return outcome

    def deeds(self, plan: Plan) -> dict[int, Callable[[], None]]:
        """What a plan says, by the number of the frame after which it is done."""
        kills: dict[int, Callable[[], None]] = {
            number: partial(self._kill_holder, number) for number in plan.kills
        }
        return {
            **kills,
            plan.redis_restart: partial(self._restart_redis, plan.redis_restart),
            plan.cut: partial(self._cut, plan.cut, plan.cut_s),
        }

    def wait_ready(self) -> None:
        """Wait until both servers are there again."""
        for server in self.servers:
            server.wait_ready()

    def holder(self) -> int:
        """Which server the client is connected to; waits where it is between two."""
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            for index, proxy in enumerate(self.proxies):
                if proxy.num_connections:
                    return index
            time.sleep(0.01)
        raise RuntimeError("the client is connected to no server")

    def _kill_holder(self, number: int) -> None:
        """Kill the server that holds the session; it comes back by itself, later."""
        index = self.holder()
        self._note(number, f"server {index} killed")
        self.servers[index].kill()
        self.servers[index].start()

    def _restart_redis(self, number: int) -> None:
        self._note(number, "redis killed and started again")
        self.redis.kill()
        self.redis.start()

    def _cut(self, number: int, seconds: float) -> None:
        """Cut the client off; the network comes back by itself."""
        self._note(number, f"connection cut for {seconds} s")
        for proxy in self.proxies:
            proxy.cut()

        def restore() -> None:
            time.sleep(seconds)
            for proxy in self.proxies:
                proxy.restore()

        threading.Thread(target=restore).start()

    def _note(self, number: int, what: str) -> None:
        self.done.append({"after_frame": number, "what": what})


class WatchedFrames:
    """Gives out frames; what is to happen after one happens when the next one is asked for."""

    name = "frames"
    is_live = False
    rate = Fraction(25)
    num_frames = None
    sample_aspect = Fraction(1)
    warning = None

    def __init__(self, frames: list[np.ndarray], deeds: Mapping[int, Callable[[], None]]) -> None:
        self._frames = frames
        self._deeds = deeds

    def __iter__(self) -> Iterator[VideoFrame]:
        for number, frame in enumerate(self._frames, 1):
            yield VideoFrame(frame, number / 25)
            if number in self._deeds:
                self._deeds[number]()

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


@contextmanager
def storm(folder: Path, redis: RedisServer, *options: str) -> Iterator[Storm]:
    """Run two deterministic servers that share a store, each behind a proxy."""
    shared = ("--deterministic", "--store", redis.url)
    with server_processes(folder, 2, *shared, *options) as servers, ExitStack() as open_proxies:
        proxies = [open_proxies.enter_context(Proxy(server.port)) for server in servers]
        yield Storm(servers, redis, proxies)


def clip_frames(num_frames: int, first: int = 0) -> list[np.ndarray]:
    """Frames of the clip of `make demo`; from the start when it ends."""
    with closing(open_frames(str(CLIP))) as frames:
        pictures = [frame.pixels for frame in frames]
    chosen = islice(cycle(pictures), first, first + num_frames)
    return [np.asarray(Image.fromarray(picture).resize(SIZE)) for picture in chosen]
