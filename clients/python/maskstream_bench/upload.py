"""`maskstream bench upload`: a file of any size into a running server, as a form and resumably."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from maskstream_bench.command import subject
from maskstream_bench.meter import ProcessMeter
from maskstream_bench.report import Measured, Run, ratios
from maskstream_client.commands import api_key_option, url_option
from maskstream_client.videos.async_videos import AsyncVideos
from maskstream_client.videos.http import Http, Place
from maskstream_client.videos.source_file import SourceFile
from maskstream_client.videos.uploading import Uploader
from maskstream_client.videos.video_options import Submission, VideoOptions

_UNITS: Final = {"K": 10, "M": 20, "G": 30}


def _num_bytes(context: click.Context, option: click.Parameter, text: str) -> int:
    number, unit = text[:-1], text[-1:].upper()
    if unit in _UNITS and number.isdecimal():
        return int(number) << _UNITS[unit]
    if text.isdecimal():
        return int(text)
    raise click.BadParameter(f"{text!r} is no number of bytes, such as 4G, 300M or 1000000.")


@subject
@url_option
@click.option(
    "--bytes", "num_bytes", default="4G", show_default=True, callback=_num_bytes, help="Of a file."
)
@click.option("--pid", type=int, help="Process of the server, to measure its CPU and memory.")
@api_key_option
def upload(url: str, num_bytes: int, pid: int | None, api_key: str | None) -> Measured:
    """Measure a running server while it takes a large file in.

    The file is all zeros and is deleted afterwards.
    """
    runs = {
        way: asyncio.run(_measure(url, api_key, num_bytes, pid, way))
        for way in ("form", "resumable")
    }
    return Measured(runs, ratios(runs, "seconds", ("resumable", "form")))


async def _measure(url: str, api_key: str | None, num_bytes: int, pid: int | None, way: str) -> Run:
    """Upload in one way, and delete the video."""
    options, place = VideoOptions(artifacts=[]), Place.of(url, api_key, None)
    with _zeros(num_bytes) as path, SourceFile(path) as file:
        async with Http(place) as http:
            uploader = Uploader(
                http, file, options, Submission(), lambda done, total: None, lambda step: None
            )
            with ProcessMeter(pid) as meter:
                began_s = time.perf_counter()
                video = await (uploader.submit_form() if way == "form" else uploader.submit())
                seconds = time.perf_counter() - began_s
    await AsyncVideos(url, api_key=api_key).delete(video)
    return {
        "seconds": round(seconds, 3),
        "mib_per_s": round(num_bytes / seconds / 2**20, 1),
        "server": meter.report(),
    }


@contextmanager
def _zeros(num_bytes: int) -> Iterator[Path]:
    """Make a file of zeros that takes no space on this disk."""
    with tempfile.NamedTemporaryFile(prefix="maskstream-bench-", suffix=".mp4") as file:
        file.truncate(num_bytes)
        yield Path(file.name)
