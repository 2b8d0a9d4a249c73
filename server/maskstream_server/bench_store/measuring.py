"""Streams through both stores in turns, then takeovers from server to server."""

import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

import numpy as np
from safetensors.numpy import load

from maskstream_server.bench_store.client import BenchClient, Step
from maskstream_server.bench_store.servers import BenchServer, MakeModel, running_servers
from maskstream_server.settings import Settings

WARM_UP_FRAMES: Final = 10


@dataclass(frozen=True)
class Pace:
    """How much is streamed: `rounds` of `frames` to each store, at `fps` or flat out (None)."""

    rounds: int
    frames: int
    fps: float | None


def measure(
    settings: Settings, make_model: MakeModel, pictures: Sequence[bytes], pace: Pace
) -> dict[str, Any]:
    """Run three servers, one of them with the in-process store, and measure them.

    The stores take turns, so that a busy machine is busy for both.

    Args:
        settings: of the servers with the shared store.
        make_model: what all of them run.
        pictures: JPEGs that are streamed in a circle.
        pace: see `Pace`.
    """
    in_process = settings.model_copy(update={"store": "memory"})
    with running_servers((in_process, settings, settings), make_model) as (plain, first, second):
        turns = {name: Turns(server) for name, server in (("memory", plain), ("redis", first))}
        for each in turns.values():
            each.warm_up(pictures)
        for _ in range(pace.rounds):
            for each in turns.values():
                each.take(pictures, pace)
        report = _compared(turns["memory"], turns["redis"])
        turns["memory"].client.end()
        report["memory"] = _memory(first, turns["redis"].client.welcome.session)
        times = take_over(turns["redis"].client, (second, first), pictures, 2 * pace.rounds)
        return report | {"takeover_ms": percentiles_ms(times)}


class Turns:
    """One session on one server, which streams when it is its turn."""

    def __init__(self, server: BenchServer) -> None:
        self.client = BenchClient(server.stream_url)
        self._server = server
        self._rounds: list[list[Step]] = []
        self._before: dict[str, float] = {}

    def warm_up(self, pictures: Sequence[bytes]) -> None:
        """Stream a little; what follows is counted."""
        for picture in islice(cycle(pictures), WARM_UP_FRAMES):
            self.client.step(picture)
        self.client.settle()
        self._before = self._server.metrics()

    def take(self, pictures: Sequence[bytes], pace: Pace) -> None:
        """Stream one round, one frame at a time, until all of it is durable."""
        began_s = time.perf_counter()
        steps = []
        for number, picture in enumerate(islice(cycle(pictures), pace.frames)):
            if pace.fps is not None:
                time.sleep(max(0.0, began_s + number / pace.fps - time.perf_counter()))
            steps.append(self.client.step(picture))
        self.client.settle()
        self._rounds.append(steps)

    @property
    def times_s(self) -> list[list[float]]:
        """Seconds of each frame, round by round."""
        return [[step.took_s for step in steps] for steps in self._rounds]

    def per_frame(self) -> dict[str, float]:
        """Return what a frame costs: milliseconds of CPU, bytes committed and bytes of result."""
        after, before = self._server.metrics(), self._before
        counted = {name: value - before.get(name, 0.0) for name, value in after.items()}
        results = [step.result_bytes for steps in self._rounds for step in steps]
        commits = max(1.0, counted["maskstream_commit_bytes_count"])
        return {
            "server_cpu_ms": round(1000 * counted["process_cpu_seconds_total"] / len(results), 2),
            "commit_bytes": round(counted["maskstream_commit_bytes_sum"] / commits),
            "of_which_result": round(float(np.mean(results))),
        }


def take_over(
    client: BenchClient,
    servers: tuple[BenchServer, BenchServer],
    pictures: Sequence[bytes],
    times: int,
) -> list[float]:
    """Go from server to server and end there; returns seconds from each hello to its welcome."""
    took_s = []
    for number, picture in enumerate(islice(cycle(pictures), times)):
        client.step(picture)
        client.settle()
        client = BenchClient(servers[number % 2].stream_url, client.leave())
        took_s.append(client.welcomed_after_s)
    client.end()
    return took_s


def percentiles_ms(times_s: Sequence[float]) -> dict[str, float]:
    """Return median, 95th percentile and largest in milliseconds, and how many there are."""
    p50, p95, largest = np.percentile(times_s, [50, 95, 100]) * 1000
    return {
        "p50": round(float(p50), 2),
        "p95": round(float(p95), 2),
        "largest": round(float(largest), 2),
        "n": len(times_s),
    }


def _compared(memory: Turns, redis: Turns) -> dict[str, Any]:
    pooled = {"memory": np.ravel(memory.times_s), "redis": np.ravel(redis.times_s)}
    p50 = {name: float(np.median(times)) for name, times in pooled.items()}
    rounds = 1000 * (np.median(redis.times_s, axis=1) - np.median(memory.times_s, axis=1))
    return {
        "latency_ms": {name: percentiles_ms(times.tolist()) for name, times in pooled.items()},
        "redis_above_memory": {
            "p50_ms": round(1000 * (p50["redis"] - p50["memory"]), 2),
            "p50_ms_of_rounds": [round(each, 2) for each in rounds.tolist()],
            "p50_ratio": round(p50["redis"] / p50["memory"], 3),
        },
        "per_frame": {"memory": memory.per_frame(), "redis": redis.per_frame()},
    }


def _memory(server: BenchServer, session: str) -> dict[str, int]:
    """Return how large the whole memory of a session is, and how many tracks are in it."""
    with urllib.request.urlopen(f"{server.url}/v1/sessions/{session}/state", timeout=10) as answer:
        blob = answer.read()
    return {"bytes": len(blob), "tracks": len(load(blob)["track_ids"])}
