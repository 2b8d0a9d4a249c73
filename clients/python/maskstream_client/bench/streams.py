"""What `maskstream bench` does: many streams at once against a server, measured from outside."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import click

from maskstream_client.async_client import AsyncClient
from maskstream_client.bench.beside import VideoBeside, compared
from maskstream_client.bench.flat import measure_flat
from maskstream_client.bench.frames import moving_shapes, parse_size, resized
from maskstream_client.bench.process_meter import ProcessMeter
from maskstream_client.bench.session import Samples, send_all
from maskstream_client.options import StreamOptions
from maskstream_client.pictures import Picture, Pixels, encode_picture
from maskstream_client.sources import open_frames
from maskstream_client.videos.async_videos import AsyncVideos
from maskstream_protocol.messages import MaskFormat

_NUM_PICTURES: Final = 48


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
    flat: bool = False

    def options(self) -> StreamOptions:
        """What each session asks of the server."""
        return StreamOptions(
            model=self.model,
            masks=self.masks,
            mask_scale=self.mask_scale,
            quality=self.quality,
            max_in_flight=self.in_flight,
        )

    def client(self) -> AsyncClient:
        """Return a client for one session."""
        return AsyncClient(self.url, self.options(), api_key=self.api_key)


def run_bench(job: BenchJob) -> None:
    """Measure, print the report as JSON and write it where asked."""
    pictures = bench_pictures(job)
    if job.flat:
        report = asyncio.run(measure_long(job, pictures))
    elif job.beside_video is not None:
        report = asyncio.run(measure_beside(job, pictures))
    else:
        report = asyncio.run(measure(job, pictures))
    text = json.dumps(report, indent=2)
    click.echo(text)
    if job.out is not None:
        job.out.write_text(text + "\n", encoding="utf-8")


async def measure(job: BenchJob, pictures: list[Picture]) -> dict[str, Any]:
    """Run all sessions side by side; returns the report.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
    """
    samples = Samples()
    began_s = time.perf_counter()
    async with _metered(job.pid) as meter:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(job.sessions):
                    group.create_task(_run_session(job, pictures, samples))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
    elapsed_s = time.perf_counter() - began_s
    return _report(job, samples, elapsed_s) | {"server": meter.report(samples.num_frames)}


async def measure_long(job: BenchJob, pictures: list[Picture]) -> dict[str, Any]:
    """Run one long session beside new ones; returns the report of `measure_flat` and the server.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
    """
    async with _metered(job.pid) as meter:
        report = await measure_flat(job.client, pictures, job.frames)
    return report | {"server": meter.report(sum(report["frames"].values()))}


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


async def _run_session(job: BenchJob, pictures: list[Picture], samples: Samples) -> None:
    async with job.client() as client:
        await send_all(client, islice(cycle(pictures), job.frames), samples, job.fps)


@asynccontextmanager
async def _metered(pid: int | None) -> AsyncIterator[ProcessMeter]:
    meter = ProcessMeter(pid)
    meter.start()
    sampler = asyncio.create_task(_sample_memory(meter))
    try:
        yield meter
    finally:
        sampler.cancel()


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
