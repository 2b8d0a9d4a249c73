"""The subcommands that need a server; nothing heavy is imported until they run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from maskstream_server.settings import Settings


_model = click.option("--model", help="Preset to run [default: demo].")
_weights = click.option("--weights", help="Checkpoint (.pth or .safetensors); demo brings its own.")
_task = click.option(
    "--task",
    type=click.Choice(("panoptic", "semantic", "instances")),
    help="Of VIPSeg presets [default: panoptic].",
)
_device = click.option("--device", help="cpu, cuda or cuda:N [default: cpu].")
_compile = click.option(
    "--compile", type=click.Choice(["eager", "tensorrt"]), help="[default: eager]"
)
_deterministic = click.option(
    "--deterministic", is_flag=True, default=None, help="Batches of one: exact repeats."
)
_max_tracks = click.option("--max-tracks", type=int, help="Tracks per session [default: 100].")
_threads = click.option(
    "--threads", type=int, help="CPU threads of the model [default: one per core]."
)
_data_folder = click.option(
    "--data-folder", help="Where videos lie [default: temporary; needed with a Redis]."
)
_bucket = click.option(
    "--bucket", help="s3://bucket/folder where videos lie instead [default: none]."
)
_log_format = click.option(
    "--log-format", type=click.Choice(["console", "json"]), help="[default: console]"
)


def _runs_alone(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a process is asked that runs a model for nobody who connects."""
    options = (_model, _weights, _task, _device, _compile, _deterministic, _max_tracks, _threads)
    for option in (_log_format, *reversed(options)):
        command = option(command)
    return command


@click.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one [default: 8000].")
@_model
@_weights
@_task
@_device
@_compile
@click.option("--store", help="memory, or redis://host:port/db [default: memory].")
@_deterministic
@_max_tracks
@click.option("--max-sessions", type=int, help="Connections with a session [default: 16].")
@click.option("--max-batch", type=int, help="Frames of different sessions per step [default: 8].")
@_threads
@_data_folder
@_bucket
@click.option("--video-jobs", type=int, help="Whole videos at once; 0: workers do [default: 1].")
@_log_format
def serve(**options: Any) -> None:
    """Serve a model: frames in over a WebSocket, masks with lasting identities out.

    Every option, and more, can be set as a variable: --port is MASKSTREAM_PORT.
    """
    _in_one_sentence(_serve, options)


@click.command()
@click.option("--store", help="redis://host:port/db of the servers.")
@_data_folder
@_bucket
@click.option("--video-jobs", type=int, help="Whole videos at once [default: 1].")
@_runs_alone
@click.option("--metrics-port", type=int, help="For /metrics and /readyz [default: none].")
@click.option("--check", is_flag=True, help="Only say whether the worker of this machine lives.")
def worker(check: bool, **options: Any) -> None:
    """Work on whole videos that servers have taken in; they share a Redis, and a folder or bucket.

    Every option, and more, can be set as a variable: --store is MASKSTREAM_STORE.
    """
    _in_one_sentence(_check if check else _work, options)


@click.command()
@click.argument("video", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Report as a file.")
@_runs_alone
def bench_video(video: Path, out: Path | None, **options: Any) -> None:
    """Measure work on a whole video, in this process: seconds and memory beside the model alone."""

    def measure(settings: "Settings") -> None:
        from maskstream_server.bench_video import run_bench

        run_bench(settings, video, out)

    _in_one_sentence(measure, {"log_level": "error", **options})


@click.command()
@click.argument("video", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--store", help="redis://host:port/db; its sessions are let alone.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Report as a file.")
@click.option("--rounds", type=click.IntRange(1), default=21, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=20, show_default=True, help="A round.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Pace  [default: flat out]")
@click.option("--tracks", type=click.IntRange(1), default=20, show_default=True, help="Made up.")
@click.option("--tracks-of", default="daq_r50_ovis", show_default=True, help="Their preset.")
@click.option("--step-ms", type=click.FloatRange(0), default=5.0, show_default=True, help="Theirs.")
@_model
@_weights
@_device
@_threads
@_log_format
def bench_store(video: Path, out: Path | None, **options: Any) -> None:
    """Measure what a shared store costs a stream of VIDEO's frames, and how fast a takeover is.

    Three servers run on this machine, one with the in-process store. They stream in turns, one
    frame in flight: first with a made-up model of many tracks, then with the real one.
    """
    pace = {name: options.pop(name) for name in ("rounds", "frames", "fps")}
    tracks = (options.pop("tracks_of"), options.pop("tracks"), options.pop("step_ms"))

    def measure(settings: "Settings") -> None:
        from maskstream_server.bench_store.command import StandInFacts, run_bench
        from maskstream_server.bench_store.measuring import Pace

        run_bench(settings, video, Pace(**pace), StandInFacts(*tracks), out)

    _in_one_sentence(measure, {"log_level": "error", **options})


def _in_one_sentence(command: Callable[["Settings"], None], options: dict[str, Any]) -> None:
    """Run with settings; what can go wrong is told in one sentence."""
    from maskstream_server.errors import MaskstreamServerError
    from maskstream_server.log import set_up_logging
    from maskstream_server.settings import load_settings

    try:
        settings = load_settings({k: value for k, value in options.items() if value is not None})
        set_up_logging(settings.log_format, settings.log_level)
        command(settings)
    except MaskstreamServerError as error:
        raise click.ClickException(str(error)) from None


def _work(settings: "Settings") -> None:
    from maskstream_server.assembly import load
    from maskstream_server.serving import bind, url_of
    from maskstream_server.working import check_shared, work_forever

    def ready() -> None:
        where = "" if watched is None else f", watched at {url_of(watched)}"
        name = model.config.name
        print(f"maskstream works on videos with {name} on {settings.device}{where}", flush=True)

    check_shared(settings)
    port = settings.metrics_port
    watched = None if port is None else bind(settings.host, port)
    model = load(settings)
    work_forever(settings, model, ready, watched=watched)


def _check(settings: "Settings") -> None:
    from maskstream_server.jobs.alive import check_worker

    check_worker(settings.store)


def _serve(settings: "Settings") -> None:
    from maskstream_server.assembly import assemble, load
    from maskstream_server.serving import bind, serve_forever

    with bind(settings.host, settings.port) as bound:
        serve_forever(assemble(settings, load(settings)), bound)
