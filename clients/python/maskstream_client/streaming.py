"""What `maskstream stream` does: a source to a server; a video, results and a summary from it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from maskstream_client.annotate import Annotator
from maskstream_client.errors import OutputError
from maskstream_client.interrupts import INTERRUPTED, Interrupts
from maskstream_client.options import StreamOptions
from maskstream_client.pictures import Pixels
from maskstream_client.result import Result
from maskstream_client.results_json import ResultsCollector
from maskstream_client.sources import Reader, open_reader
from maskstream_client.summary import StreamSummary
from maskstream_client.sync_client import Client
from maskstream_client.video import VideoWriter
from maskstream_protocol.messages import MaskFormat, Policy


@dataclass(frozen=True)
class StreamJob:
    """What the command line asked for; see its help."""

    source: str | int
    url: str
    out: Path | None
    json_out: Path | None
    summary: Path | None
    model: str | None
    policy: Policy
    masks: MaskFormat
    mask_scale: float
    min_score: float | None
    show_min: float | None
    quality: int
    max_frames: int | None
    in_flight: int
    api_key: str | None

    def options(self) -> StreamOptions:
        """What to ask of the server."""
        return StreamOptions(
            model=self.model,
            policy=self.policy,
            masks=self.masks,
            mask_scale=self.mask_scale,
            min_score=self.min_score,
            quality=self.quality,
            max_in_flight=self.in_flight,
        )


def stream_source(job: StreamJob) -> None:
    """Send a source to a server and write what was asked for.

    However it ends, what came until then is written. Ctrl-C ends the source, and the exit status
    says so.

    Raises:
        MaskstreamError: the source, the server or a file to write is not there.
        WireError: the server refuses the stream.
    """
    console = Console(stderr=True)
    for path in (job.out, job.json_out, job.summary):
        _check_place(path, job.source)
    with open_reader(job.source, job.max_frames) as reader, Interrupts(reader.stop) as interrupts:
        _stream(job, reader, console)
    if interrupts.heard:
        sys.exit(INTERRUPTED)


def _stream(job: StreamJob, reader: Reader, console: Console) -> None:
    summary, collector = StreamSummary(), ResultsCollector()
    show_min = 0.0
    began_s = time.perf_counter()
    try:
        with (
            suppress(KeyboardInterrupt),  # a second one: what came is written all the same
            _Drawing(job.out, reader) as drawing,
            closing(_pairs(job, reader, console)) as pairs,
        ):
            for pixels, result, show_min in pairs:
                summary.add(result)
                if job.json_out is not None:  # masks of all frames, which a camera has no end of
                    collector.add(result)
                drawing.add(pixels, result, show_min)
    finally:
        report = summary.report(time.perf_counter() - began_s, show_min)
        if report["frames"]:
            _write_json(job.json_out, collector.entries(show_min))
            _write_json(job.summary, report)
            console.print(_sentence(report), soft_wrap=True)


def _pairs(
    job: StreamJob, reader: Reader, console: Console
) -> Generator[tuple[Pixels, Result, float], None, None]:
    """The frames with their results and the score to show from, behind a progress bar."""
    total = reader.num_frames
    if job.max_frames is not None:
        total = min(job.max_frames, total or job.max_frames)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tracks: {task.fields[tracks]}"),
        TimeRemainingColumn(),
    )
    with (
        Client(job.url, job.options(), api_key=job.api_key) as client,
        Progress(*columns, console=console) as progress,
    ):
        show_min = client.show_min if job.show_min is None else job.show_min
        bar = progress.add_task("Streaming", total=total, tracks=0)
        for pixels, result in client.stream(reader, every_frame=True):
            yield pixels, result, show_min
            progress.update(bar, advance=1, tracks=len(result.visible))


class _Drawing:
    """The annotated video, or nothing where none was asked for."""

    def __init__(self, path: Path | None, reader: Reader) -> None:
        self._writer = None if path is None else VideoWriter(path, reader.rate)
        self._rate = float(reader.rate)
        self._annotator: Annotator | None = None

    def add(self, pixels: Pixels, result: Result, show_min: float) -> None:
        if self._writer is not None:
            self._annotator = self._annotator or Annotator(self._rate, show_min)
            self._writer.write(self._annotator.annotate(pixels, result))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._writer is not None:
            self._writer.close()


def _check_place(path: Path | None, source: str | int) -> None:
    """There is a folder to write to, and the source is not written over."""
    if path is None:
        return
    if isinstance(source, str) and path.exists() and path.resolve() == Path(source).resolve():
        raise OutputError(f"{path} is the source and will not be written over.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be made: {error.strerror}.") from error


def _write_json(path: Path | None, value: Any) -> None:
    if path is None:
        return
    try:
        path.write_text(json.dumps(value) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def _sentence(report: dict[str, Any]) -> str:
    latency = ", ".join(f"{name} {ms or 0:.0f}" for name, ms in report["latency_ms"].items())
    dropped = f", {report['dropped']} dropped" if report["dropped"] else ""
    return (
        f"{report['frames']} frames{dropped}, {report['tracks']} tracks ({report['shown']} shown): "
        f"{report['emerged']} emerged, {report['disappeared']} disappeared; "
        f"{report['fps']:.1f} frames per second, latency {latency} ms."
    )
