"""Measured streams: sends frames and counts their results."""

import asyncio
import time
from collections.abc import Iterable
from itertools import cycle, islice
from statistics import median
from typing import Any, Final

import numpy as np

from maskstream_bench.report import Run, spread
from maskstream_client.async_client import AsyncClient
from maskstream_client.pictures import Picture
from maskstream_client.result import Result

NUM_PARTS: Final = 10
"""Of a run, to see whether anything grows."""


async def send_all(
    client: AsyncClient, pictures: Iterable[Picture], samples: "Samples", fps: float | None = None
) -> None:
    """Send the pictures, at `fps` or flat out, and take every answer into `samples`."""
    began_s = time.perf_counter()
    for index, picture in enumerate(pictures):
        if fps is not None:
            await asyncio.sleep(max(0.0, began_s + index / fps - time.perf_counter()))
        await client.send_picture(picture)
        while (result := client.receive_nowait()) is not None:
            samples.add(result)
    while (result := await client.receive()) is not None:
        samples.add(result)


class Samples:
    """Measurements of a stream's results.

    Attributes:
        num_frames: answered frames, including dropped ones.
        latencies_s: from sending a frame to the arrival of its result.
    """

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self._arrivals_s: list[float] = []
        self._parts_us: dict[str, list[int]] = {}
        self._num_objects = self._num_bytes = self.num_frames = 0

    def add(self, result: Result) -> None:
        """Take one answer."""
        self.num_frames += 1
        self._arrivals_s.append(time.perf_counter())
        if result.drop_reason is not None:
            return
        self.latencies_s.append(result.latency_s)
        self._num_objects += len(result.objects)
        self._num_bytes += len(result.message.encode())
        for name, value in vars(result.timings).items():
            self._parts_us.setdefault(name.removesuffix("_us"), []).append(value)

    def median_ms(self, part: str) -> float:
        """Median of one of the server's parts of an answer."""
        return median(self._parts_us[part]) / 1000

    def report(self) -> Run:
        """Latencies, the server's parts, and both over ten equal parts of the run."""
        answered = len(self.latencies_s)
        return {
            "answered": answered,
            "dropped": self.num_frames - answered,
            "objects_per_frame": round(self._num_objects / max(1, answered), 2),
            "result_bytes": round(self._num_bytes / max(1, answered)),
            "latency_ms": spread(self.latencies_s, 1e3),
            "server_parts_ms": {part: spread(us, 1e-3) for part, us in self._parts_us.items()},
            "over_time": {
                "infer_ms": _means(self._parts_us.get("infer", []), 1e-3),
                "latency_ms": _means(self.latencies_s, 1e3),
                "fps": _rates(self._arrivals_s),
            },
        }


def endless(pictures: list[Picture], count: int) -> Iterable[Picture]:
    """Yield `count` pictures, repeating them."""
    return islice(cycle(pictures), count)


def _means(values: list[Any], unit: float) -> list[float]:
    chunks = np.array_split(np.asarray(values, float), min(NUM_PARTS, max(1, len(values))))
    return [round(float(chunk.mean()) * unit, 3) for chunk in chunks if chunk.size]


def _rates(arrivals_s: list[float]) -> list[float]:
    chunks = np.array_split(np.asarray(arrivals_s), min(NUM_PARTS, max(1, len(arrivals_s) // 2)))
    spans = [(chunk.size - 1, float(chunk[-1] - chunk[0])) for chunk in chunks if chunk.size > 1]
    return [round(count / span, 2) for count, span in spans if span > 0]
