"""`maskstream bench live`: many streams at once against a running server, seen from outside."""

import asyncio
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click

from maskstream_bench.beside import VideoBeside
from maskstream_bench.command import subject
from maskstream_bench.meter import ProcessMeter
from maskstream_bench.pictures import NUM_PICTURES, first_frames, parse_size
from maskstream_bench.report import Measured, Run, ratios
from maskstream_bench.streams import NUM_PARTS, Samples, endless, send_all
from maskstream_client.async_client import AsyncClient
from maskstream_client.commands import (
    api_key_option,
    mask_scale_option,
    masks_option,
    model_option,
    quality_option,
    url_option,
)
from maskstream_client.pictures import Picture, encode_picture
from maskstream_client.stream_options import StreamOptions
from maskstream_client.videos.async_videos import AsyncVideos


@subject
@url_option
@click.option("--sessions", type=click.IntRange(1), default=1, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=200, show_default=True, help="A session.")
@click.option("--size", default="448x256", show_default=True, help="Width x height of the frames.")
@click.option("--source", help="Video to take the frames from  [default: moving shapes]")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Pace  [default: flat out]")
@click.option(
    "--in-flight", type=click.IntRange(1), default=2, show_default=True, help="A session."
)
@click.option("--pid", type=int, help="Process of the server, to measure its CPU and memory.")
@click.option(
    "--beside-video",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure once more while the server works on this whole video.",
)
@click.option("--flat", is_flag=True, help="One long session beside new ones: does a step grow?")
@model_option
@masks_option
@mask_scale_option
@quality_option
@api_key_option
def live(
    beside_video: Path | None, flat: bool, size: str, source: str | None, **asked: Any
) -> Measured:
    """Measure streams to a running server."""
    if flat and any((asked["sessions"] > 1, asked["fps"], beside_video)):
        raise click.UsageError("--flat is for one session, flat out, and no video beside it.")
    quality, pid = asked.pop("quality"), asked.pop("pid")
    pictures = [
        encode_picture(pixels, quality=quality)
        for pixels in first_frames(source, NUM_PICTURES, parse_size(size))
    ]
    options = StreamOptions(
        model=asked.pop("model"),
        masks=asked.pop("masks"),
        mask_scale=asked.pop("mask_scale") or 1.0,
        max_in_flight=asked.pop("in_flight"),
    )
    streams = Streams(pictures=pictures, options=options, **asked)
    return asyncio.run(_measure(streams, ProcessMeter(pid), beside_video, flat))


@dataclass(frozen=True)
class Streams:
    """Sessions that stream at once; the fields are options of the command."""

    url: str
    api_key: str | None
    options: StreamOptions
    pictures: list[Picture]
    sessions: int
    frames: int
    fps: float | None

    def client(self) -> AsyncClient:
        """Return a client for one session."""
        return AsyncClient(self.url, self.options, api_key=self.api_key)

    async def run(self) -> Run:
        """Run all sessions side by side.

        Raises:
            ConnectionFailedError, WireError: a session could not be opened or was ended.
        """
        samples = Samples()
        began_s = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.sessions):
                    group.create_task(self._run_one(samples))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        seconds = time.perf_counter() - began_s
        fps = round(samples.num_frames / seconds, 2)
        return {"seconds": round(seconds, 3), "fps": fps, **samples.report()}

    async def _run_one(self, samples: Samples) -> None:
        async with self.client() as client:
            await send_all(client, endless(self.pictures, self.frames), samples, self.fps)


async def _measure(
    streams: Streams, meter: ProcessMeter, clip: Path | None, flat: bool
) -> Measured:
    with meter:
        if flat:
            measured = await measure_flat(streams)
        elif clip is not None:
            measured = await measure_beside(streams, clip)
        else:
            measured = Measured({"live": await streams.run()})
    first = next(iter(measured.runs.values()))
    first["server"] = meter.report()
    return measured


async def measure_beside(streams: Streams, clip: Path) -> Measured:
    """Run one session, all sessions, and all of them beside a whole video.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
        MaskstreamError: the server does not work on the video.
    """
    few = min(streams.frames, NUM_PICTURES)
    single = await replace(streams, sessions=1, frames=few).run()
    alone = await streams.run()
    async with VideoBeside(AsyncVideos(streams.url, api_key=streams.api_key), clip) as video:
        beside = await streams.run()
        num_frames = video.num_frames
    beside["video_fps"] = round(num_frames / beside["seconds"], 2)
    runs = {"single": single, "alone": alone, "beside_video": beside}
    return Measured(runs, ratios(runs, "latency_ms", ("beside_video", "alone")))


async def measure_flat(streams: Streams) -> Measured:
    """Run one session of all frames or a few more, and a new one after each of its tenths.

    Compared is the model's step on the same pictures, seconds apart: a machine that slows down
    slows both. The ratio is the median of ten; 1 where nothing grows.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
    """
    each = NUM_PARTS * len(streams.pictures)
    rounds = math.ceil(streams.frames / each)
    long, new = list[float](), list[float]()
    async with streams.client() as client:
        for _ in range(NUM_PARTS):
            long.append(await _last_round_ms(client, streams.pictures, rounds))
            async with streams.client() as beginner:
                new.append(await _last_round_ms(beginner, streams.pictures, 2))
    parts = [round(one / other, 3) for one, other in zip(long, new, strict=True)]
    runs: dict[str, Run] = {
        "long": {"frames": each * rounds, "step_ms": long},
        "new": {"frames": each * 2, "step_ms": new},
    }
    return Measured(runs, {"long / new": {"step_ms": median(parts), "step_ms_of_parts": parts}})


async def _last_round_ms(client: AsyncClient, pictures: list[Picture], rounds: int) -> float:
    """Send all pictures `times` times; return the median step of the last time."""
    await send_all(client, pictures * (rounds - 1), Samples())
    last = Samples()
    await send_all(client, pictures, last)
    return round(last.median_ms("infer"), 3)
