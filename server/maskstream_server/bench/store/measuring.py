"""Streams through both stores in turns, then takeovers from server to server."""

import urllib.request
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np
from safetensors.numpy import load

from maskstream_server.bench.client import BenchClient
from maskstream_server.bench.servers import BenchServer, MakeModels, running_servers
from maskstream_server.bench.turns import Pace, Turns, percentiles_ms
from maskstream_server.config.settings import Settings


def measure(
    settings: Settings, make_models: MakeModels, pictures: Sequence[bytes], pace: Pace
) -> dict[str, Any]:
    """Run three servers, one of them with the in-process store, and measure them.

    The stores take turns, so that a busy machine is busy for both.

    Args:
        settings: of the servers with the shared store.
        make_models: what all of them run.
        pictures: JPEGs that are streamed in a circle.
        pace: see `Pace`.
    """
    in_process = settings.model_copy(update={"store": "memory"})
    with running_servers((in_process, settings, settings), make_models) as (plain, first, second):
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
    return {"bytes": len(blob), "parts": len(load(blob))}
