"""`maskstream bench overhead`: a stream to a model that computes nothing."""

import asyncio
from pathlib import Path
from typing import Any

import click

from maskstream_bench.command import subject, video_argument
from maskstream_bench.pictures import first_frames
from maskstream_bench.report import Measured, Run, ratios
from maskstream_bench.servers import BenchServer, Turns, running_servers
from maskstream_bench.stand_in import StandIn
from maskstream_client.async_client import AsyncClient
from maskstream_client.pictures import Picture, encode_picture
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol.messages import MASK_FORMATS, MaskFormat
from maskstream_server.command_options import run_with_settings, setting_options


@subject
@video_argument()
@click.option("--frames", type=click.IntRange(1), default=300, show_default=True)
@click.option("--objects", type=click.IntRange(1), default=5, show_default=True)
@setting_options("log-format")
def overhead(video: Path | None, frames: int, objects: int, **options: Any) -> Measured:
    """Measure the cost of everything but the model in a stream of VIDEO's frames as JPEG.

    A server started for this runs a model whose steps and masks take no time and show --objects
    objects. Each encoding of masks is measured in turn.
    """
    pictures = [encode_picture(pixels) for pixels in first_frames(video)]
    stand_in = StandIn(objects, objects)
    ours = {"log_level": "error", "store": "memory", "video_jobs": 0, **options}
    runs = dict[str, Run]()

    def measure(settings: Any) -> None:
        with running_servers([settings], stand_in.models) as (server,):
            for masks in MASK_FORMATS:
                runs[masks] = asyncio.run(_measure(server, pictures, frames, masks))

    run_with_settings(measure, ours)
    pairs = [(masks, "none") for masks in MASK_FORMATS if masks != "none"]
    return Measured(runs, ratios(runs, "server_cpu_ms", *pairs))


async def _measure(
    server: BenchServer, pictures: list[Picture], frames: int, masks: MaskFormat
) -> Run:
    options = StreamOptions(masks=masks, max_in_flight=1)
    async with AsyncClient(server.url, options) as client:
        turns = Turns(server, client)
        await turns.warm_up(pictures)
        await turns.take(pictures, frames)
        return turns.report()
