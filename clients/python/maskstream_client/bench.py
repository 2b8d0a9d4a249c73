"""What `maskstream bench` does: many streams at once against a server, measured from outside."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from maskstream_client.async_client import AsyncClient
from maskstream_client.bench_beside import VideoBeside, compared
from maskstream_client.bench_frames import moving_shapes, parse_size, resized
from maskstream_client.options import StreamOptions
from maskstream_client.pictures import Picture, Pixels, encode_picture
from maskstream_client.process_meter import ProcessMeter
from maskstream_client.result import Result
from maskstream_client.sources import open_frames
from maskstream_client.summary import percentiles_ms
from maskstream_client.videos.async_videos import AsyncVideos
from maskstream_protocol.messages import MaskFormat

_NUM_PICTURES: Final = 48
_NUM_PARTS: Final = 10


@dataclass(frozen=True)
class BenchJob:
    """What the command line asked for; see its help."""

    url: str
    sessions: int
    frames: int
    size: str
    source: str | None
    fps: float | None
    in_flight: int
    pid: int | None
    model: str | None
    masks: MaskFormat
    mask_scale: float
    quality: int
    api_key: str | None
    out: Path | None
    beside_video: Path | None = None

    def options(self) -> StreamOptions:
        """What each session asks of the server."""
        return StreamOptions(
            model=self.model,
            masks=self.masks,
            mask_scale=self.mask_scale,
            quality=self.quality,
            max_in_flight=self.in_flight,
        )


def run_bench(job: BenchJob) -> None:
    """Measure, print the report as JSON and write it where asked."""
    pictures = bench_pictures(job)
    report = asyncio.run(
        measure(job, pictures) if job.beside_video is None else measure_beside(job, pictures)
    )
    text = json.dumps(report, indent=2)
    click.echo(text)
    if job.out is not None:
        job.out.write_text(text + "\n", encoding="utf-8")


async def measure(job: BenchJob, pictures: list[Picture]) -> dict[str, Any]:
    """Run all sessions side by side; returns the report.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
    """
    meter = ProcessMeter(job.pid)
    samples = Samples()
    meter.start()
    began_s = time.perf_counter()
    sampler = asyncio.create_task(_sample_memory(meter))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(job.sessions):
                group.create_task(_run_session(job, pictures, samples))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        sampler.cancel()
    elapsed_s = time.perf_counter() - began_s
    return _report(job, samples, elapsed_s) | {"server": meter.report(samples.num_frames)}


async def measure_beside(job: BenchJob, pictures: list[Picture]) -> dict[str, Any]:
    """Run one session, all sessions, and all of them beside a whole video; returns the report.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
        MaskstreamError: the server does not work on the video.
    """
    assert job.beside_video is not None
    few = min(job.frames, _NUM_PICTURES)
    single = await measure(replace(job, sessions=1, frames=few), pictures)
    alone = await measure(job, pictures)
    videos = AsyncVideos(job.url, api_key=job.api_key)
    async with VideoBeside(videos, job.beside_video) as video:
        beside = await measure(job, pictures)
        num_frames = video.num_frames
    frame_ms = single["server_parts_ms"]["infer"]["p50"]
    return {"frame_ms": frame_ms, **compared(alone, beside, num_frames)}


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
    chunks = np.array_split(np.asarray(values, float), min(_NUM_PARTS, max(1, len(values))))
    return [round(float(chunk.mean()) * unit, 3) for chunk in chunks if chunk.size]


def _rates(arrivals_s: list[float]) -> list[float]:
    chunks = np.array_split(np.asarray(arrivals_s), min(_NUM_PARTS, max(1, len(arrivals_s) // 2)))
    spans = [(chunk.size - 1, float(chunk[-1] - chunk[0])) for chunk in chunks if chunk.size > 1]
    return [round(count / span, 2) for count, span in spans if span > 0]


async def _run_session(job: BenchJob, pictures: list[Picture], samples: Samples) -> None:
    async with AsyncClient(job.url, job.options(), api_key=job.api_key) as client:
        began_s = time.perf_counter()
        for index, picture in enumerate(islice(cycle(pictures), job.frames)):
            if job.fps is not None:
                await asyncio.sleep(max(0.0, began_s + index / job.fps - time.perf_counter()))
            await client.send_picture(picture)
            while (result := client.receive_nowait()) is not None:
                samples.add(result)
        while (result := await client.receive()) is not None:
            samples.add(result)


async def _sample_memory(meter: ProcessMeter) -> None:
    while True:
        await asyncio.sleep(0.5)
        meter.sample()


def _report(job: BenchJob, samples: Samples, elapsed_s: float) -> dict[str, Any]:
    asked = {
        name: getattr(job, name)
        for name in ("sessions", "frames", "size", "fps", "in_flight", "masks", "mask_scale")
    }
    return {
        "asked": asked,
        "seconds": round(elapsed_s, 3),
        "fps": round(samples.num_frames / elapsed_s, 2),
        "fps_per_session": round(samples.num_frames / elapsed_s / job.sessions, 2),
        **samples.report(),
    }


def bench_pictures(job: BenchJob) -> list[Picture]:
    """The encoded frames that every session sends in a circle.

    Raises:
        ValueError: the size is not WIDTHxHEIGHT.
        SourceError: the source is no video.
    """
    width, height = parse_size(job.size)
    if job.source is None:
        frames: Iterator[Pixels] = (
            moving_shapes(index, height, width) for index in range(_NUM_PICTURES)
        )
    else:
        frames = (resized(frame.pixels, height, width) for frame in open_frames(job.source))
    return [encode_picture(pixels, quality=job.quality) for pixels in islice(frames, _NUM_PICTURES)]
