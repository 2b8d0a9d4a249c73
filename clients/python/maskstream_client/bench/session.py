"""One session of `maskstream bench`: frames go out, and what comes back is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from maskstream_client.async_client import AsyncClient
from maskstream_client.pictures import Picture
from maskstream_client.result import Result
from maskstream_client.summary import percentiles_ms

NUM_PARTS: Final = 10
"""Of a run, to see whether anything grows."""


async def send_all(
    client: AsyncClient, pictures: Iterable[Picture], samples: Samples, fps: float | None = None
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
    """What the results of all sessions said."""

    def __init__(self) -> None:
        self._latencies_s: list[float] = []
        self._arrivals_s: list[float] = []
        self._parts_us: dict[str, list[int]] = {}
        self._num_objects = self.num_frames = self._num_dropped = 0

    def add(self, result: Result) -> None:
        """Take one answer."""
        self.num_frames += 1
        self._arrivals_s.append(time.perf_counter())
        if result.drop_reason is not None:
            self._num_dropped += 1
            return
        self._latencies_s.append(result.latency_s)
        self._num_objects += len(result.objects)
        for name, value in vars(result.timings).items():
            self._parts_us.setdefault(name.removesuffix("_us"), []).append(value)

    def median_ms(self, part: str) -> float:
        """Median of one of the server's parts of an answer."""
        return float(np.median(self._parts_us[part])) / 1000

    def report(self) -> dict[str, Any]:
        """Latencies, parts, and both over ten equal parts of the run, to see whether they grow."""
        parts = {
            name: {
                "mean": round(float(np.mean(values)) / 1000, 3),
                **percentiles_ms([value / 1e6 for value in values]),
            }
            for name, values in self._parts_us.items()
        }
        answered = max(1, len(self._latencies_s))
        return {
            "answered": len(self._latencies_s),
            "dropped": self._num_dropped,
            "objects_per_frame": round(self._num_objects / answered, 2),
            "latency_ms": percentiles_ms(self._latencies_s),
            "server_parts_ms": parts,
            "over_time": {
                "infer_ms": _means(self._parts_us.get("infer", []), 1e-3),
                "latency_ms": _means(self._latencies_s, 1e3),
                "fps": _rates(self._arrivals_s),
            },
        }


def _means(values: list[Any], unit: float) -> list[float]:
    chunks = np.array_split(np.asarray(values, float), min(NUM_PARTS, max(1, len(values))))
    return [round(float(chunk.mean()) * unit, 3) for chunk in chunks if chunk.size]


def _rates(arrivals_s: list[float]) -> list[float]:
    chunks = np.array_split(np.asarray(arrivals_s), min(NUM_PARTS, max(1, len(arrivals_s) // 2)))
    spans = [(chunk.size - 1, float(chunk[-1] - chunk[0])) for chunk in chunks if chunk.size > 1]
    return [round(count / span, 2) for count, span in spans if span > 0]
