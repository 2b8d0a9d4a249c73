"""`maskstream stream`: a source to a server; a video, results and a summary from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from maskstream_client.interrupts import Interrupts
from maskstream_client.pictures import PacketCodec, Pixels
from maskstream_client.result import Result
from maskstream_client.results_json import ResultsCollector
from maskstream_client.sources import Reader, open_reader
from maskstream_client.stream_files import AnnotatedFrames, prepare_outputs, write_json
from maskstream_client.stream_options import StreamOptions
from maskstream_client.summary import StreamSummary
from maskstream_client.sync_client import Client
from maskstream_client.terminal import printable, status_console
from maskstream_client.urls import DEFAULT_URL, without_password
from maskstream_client.window import Display, OpenDisplay, open_window


@dataclass(frozen=True)
class StreamJob:
    """The arguments of the command; see its help."""

    source: str | int
    url: str
    out: Path | None
    json_out: Path | None
    summary: Path | None
    show_min: float | None
    max_frames: int | None
    api_key: str | None
    codec: PacketCodec | None
    options: StreamOptions
    show: bool = False


def stream_source(job: StreamJob, open_display: OpenDisplay = open_window) -> None:
    """Send a source to a server and write what was asked for.

    However it ends, what came until then is written. Ctrl-C, and signals that ask for an end, end
    the source, and the exit status says so; closing the window ends it as well.

    Raises:
        MaskstreamError: the source, the server or a file to write is not there.
        WireError: the server refuses the stream.
    """
    prepare_outputs(job.source, job.out, job.json_out, job.summary)
    units = job.codec if job.options.policy == "lossless" else None
    reading = open_reader(job.source, job.max_frames, units)
    with reading as reader, Interrupts(reader.stop) as interrupts:
        display = open_display(_title(reader), reader.stop) if job.show else None
        _stream(job, reader, display, status_console())
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _title(reader: Reader) -> str:
    return printable(f"{Path(reader.name).name} - maskstream")


def _stream(job: StreamJob, reader: Reader, display: Display | None, console: Console) -> None:
    """Each file is written at the end even where another cannot be."""
    about = {"file_name": Path(reader.name).name, "frame_rate": round(float(reader.rate), 3)}
    summary, collector = StreamSummary(about), ResultsCollector(about)
    with ExitStack() as ends:
        ends.callback(_print_summary, console, summary)
        ends.callback(_warn, console, reader)
        ends.callback(_write, job.summary, summary, summary.report)
        ends.callback(_write, job.json_out, summary, lambda: collector.entries(summary.show_min))
        drawing = ends.enter_context(AnnotatedFrames(job.out, reader, display))
        ends.enter_context(suppress(KeyboardInterrupt))  # a second one: what came is written
        ends.callback(summary.end)
        client = ends.enter_context(Client(job.url, job.options, api_key=job.api_key))
        show_min = client.show_min if job.show_min is None else job.show_min
        summary.begin(client.session, show_min)
        drawing.begin(show_min)
        _print_session(console, client, job)
        for pixels, result in ends.enter_context(closing(_pairs(job, client, reader, console))):
            summary.add(result)
            _print_events(result)
            if job.json_out is not None:  # masks of all frames, which a camera has no end of
                collector.add(result)
            drawing.add(pixels, result)


def _pairs(
    job: StreamJob, client: Client, reader: Reader, console: Console
) -> Generator[tuple[Pixels, Result], None, None]:
    """The frames with their results, behind a progress bar."""
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
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Streaming", total=total, tracks=0)
        for pixels, result in client.stream(reader, every_frame=True, codec=job.codec):
            yield pixels, result
            progress.update(bar, advance=1, tracks=len(result.visible))


def _warn(console: Console, reader: Reader) -> None:
    """What the server would say of the file as an upload."""
    if reader.warning is not None:
        console.print(printable(reader.warning), markup=False, highlight=False, soft_wrap=True)


def _write(path: Path | None, summary: StreamSummary, value: Callable[[], Any]) -> None:
    if path is not None and summary.num_frames:
        write_json(path, value())


def _print_session(console: Console, client: Client, job: StreamJob) -> None:
    """Print the name of the session, and how to watch it."""
    where = "" if job.url == DEFAULT_URL else f" --url {quote(without_password(job.url))}"
    line = f"Session {client.session}; to look on: maskstream watch {client.session}{where}"
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _print_events(result: Result) -> None:
    """Print what rules have found, for other programs: on standard output, at once."""
    for event in result.events:
        line = {"frame": result.frame_index, "time_s": result.pts_s, **event.to_json()}
        print(json.dumps(line, separators=(",", ":")), flush=True)


def _print_summary(console: Console, summary: StreamSummary) -> None:
    if summary.num_frames:
        console.print(_sentence(summary.report()), soft_wrap=True)


def _sentence(report: dict[str, Any]) -> str:
    latency = ", ".join(f"{name} {ms or 0:.0f}" for name, ms in report["latency_ms"].items())
    dropped = f", {report['dropped']} dropped" if report["dropped"] else ""
    return (
        f"{report['frames']} frames{dropped}, {report['tracks']} tracks ({report['shown']} shown): "
        f"{report['emerged']} emerged, {report['disappeared']} disappeared; "
        f"{report['fps']:.1f} frames per second, latency {latency} ms."
    )
