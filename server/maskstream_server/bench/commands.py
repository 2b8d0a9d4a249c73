"""The benches of a server and its model; nothing heavy is imported until they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskstream_server.command_options import (
    device_option,
    in_one_sentence,
    log_format_option,
    model_option,
    runs_alone,
    threads_option,
    weights_option,
)

if TYPE_CHECKING:
    from maskstream_server.config.settings import Settings

_video = click.argument("video", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_out = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Report as a file."
)


@click.command()
@_video
@_out
@runs_alone
def bench_video(video: Path, out: Path | None, **options: Any) -> None:
    """Measure work on a whole video, in this process: seconds and memory beside the model alone."""

    def measure(settings: "Settings") -> None:
        from maskstream_server.bench.video import run_bench

        run_bench(settings, video, out)

    in_one_sentence(measure, {"log_level": "error", **options})


@click.command()
@_video
@click.option("--store", help="redis://host:port/db; its sessions are let alone.")
@_out
@click.option("--rounds", type=click.IntRange(1), default=21, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=20, show_default=True, help="A round.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Pace  [default: flat out]")
@click.option("--tracks", type=click.IntRange(1), default=20, show_default=True, help="Made up.")
@click.option("--tracks-of", default="daq_r50_ovis", show_default=True, help="Their preset.")
@click.option("--step-ms", type=click.FloatRange(0), default=5.0, show_default=True, help="Theirs.")
@model_option
@weights_option
@device_option
@threads_option
@log_format_option
def bench_store(video: Path, out: Path | None, **options: Any) -> None:
    """Measure what a shared store costs a stream of VIDEO's frames, and how fast a takeover is.

    Three servers run on this machine, one with the in-process store. They stream in turns, one
    frame in flight: first with a made-up model of many tracks, then with the real one.
    """
    pace = {name: options.pop(name) for name in ("rounds", "frames", "fps")}
    tracks = (options.pop("tracks_of"), options.pop("tracks"), options.pop("step_ms"))

    def measure(settings: "Settings") -> None:
        from maskstream_server.bench.store.command import StandInFacts, run_bench
        from maskstream_server.bench.turns import Pace

        run_bench(settings, video, Pace(**pace), StandInFacts(*tracks), out)

    in_one_sentence(measure, {"log_level": "error", **options})


@click.command()
@_video
@_out
@click.option("--frames", type=click.IntRange(1), default=300, show_default=True)
@click.option("--objects", type=click.IntRange(1), default=5, show_default=True)
@log_format_option
def bench_overhead(
    video: Path, out: Path | None, frames: int, objects: int, **options: Any
) -> None:
    """Measure what all but the model costs a stream of VIDEO's frames as JPEG.

    A server of its own runs a made-up model whose steps take no time, and tells of so many
    objects. Each way in which masks travel has its turn.
    """

    def measure(settings: "Settings") -> None:
        from maskstream_server.bench.overhead import run_bench

        run_bench(settings, video, frames, objects, out)

    in_one_sentence(measure, {"log_level": "error", **options})


@click.command()
@_video
@_out
@click.option("--frames", type=click.IntRange(1), default=7, show_default=True)
@model_option
@weights_option
@device_option
@threads_option
@log_format_option
def bench_model(video: Path, out: Path | None, frames: int, **options: Any) -> None:
    """Time a model's whole steps on the first frames of VIDEO; --weights random will do."""

    def measure(settings: "Settings") -> None:
        from maskstream_server.bench.model import run_bench

        run_bench(settings, video, frames, out)

    in_one_sentence(measure, {"log_level": "error", **options})
