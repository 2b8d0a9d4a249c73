"""What `maskstream bench upload` does: a file of any size into a server, both ways, measured."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from maskstream_client.bench.process_meter import ProcessMeter
from maskstream_client.videos.async_videos import AsyncVideos
from maskstream_client.videos.http import Http, Place
from maskstream_client.videos.options import Submission, VideoOptions
from maskstream_client.videos.source_file import SourceFile
from maskstream_client.videos.uploading import Uploader

_SAMPLE_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class UploadBenchJob:
    """What the command line asked for; see its help."""

    url: str
    num_bytes: int
    pid: int | None
    api_key: str | None
    out: Path | None


def run_bench_upload(job: UploadBenchJob) -> None:
    """Upload, print the report as JSON and write it where asked.

    Raises:
        MaskstreamError: the server or its process is not there, or it refuses the file.
        WireError: it refuses who uploads.
    """
    report: dict[str, Any] = {"bytes": job.num_bytes}
    for way in ("form", "resumable"):
        report[way] = asyncio.run(_measure(job, way))
    text = json.dumps(report, indent=2)
    click.echo(text)
    if job.out is not None:
        job.out.write_text(text + "\n", encoding="utf-8")


async def _measure(job: UploadBenchJob, way: str) -> dict[str, Any]:
    """Upload one way, and delete what came of it."""
    meter, sampled = ProcessMeter(job.pid), 0

    def sample(done: int, total: int) -> None:
        nonlocal sampled
        if done - sampled >= _SAMPLE_BYTES:
            sampled = done
            meter.sample()

    place = Place.of(job.url, job.api_key, None)
    with _nothing(job.num_bytes) as path, SourceFile(path) as file:
        async with Http(place) as http:
            options = VideoOptions(artifacts=[])
            uploader = Uploader(http, file, options, Submission(), sample, lambda step: None)
            meter.start()
            began_s = time.perf_counter()
            video = await (uploader.submit_form() if way == "form" else uploader.submit())
            seconds = time.perf_counter() - began_s
    process = meter.report(0)
    await AsyncVideos(job.url, api_key=job.api_key).delete(video)
    return {
        "seconds": round(seconds, 2),
        "mib_per_s": round(job.num_bytes / seconds / 2**20, 1),
        "server": process and {"cpu_s": process["cpu_s"], "memory_mib": process["memory_mib"]},
    }


@contextmanager
def _nothing(num_bytes: int) -> Iterator[Path]:
    """Make a file of zeros that takes no space on this disk."""
    with tempfile.NamedTemporaryFile(prefix="maskstream-bench-", suffix=".mp4") as file:
        file.truncate(num_bytes)
        yield Path(file.name)
