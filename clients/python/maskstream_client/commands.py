"""The client's subcommands for streams and speed: `stream`, `watch`, `bench`, `bench upload`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, Final, ParamSpec

import click

from maskstream_client.urls import DEFAULT_URL
from maskstream_protocol.messages import MASK_FORMATS

P = ParamSpec("P")
_UNITS: Final = {"K": 10, "M": 20, "G": 30}


def plain_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print an error as one sentence, with what helps, and exit with its status.

    Where standard output is closed early (`| head`), the command ends silently.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from maskstream_client.errors import MaskstreamError, exit_code_of
        from maskstream_client.terminal import plain
        from maskstream_protocol.errors import ProtocolError

        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise
        except (MaskstreamError, ProtocolError, ValueError, OSError) as error:
            ended = click.ClickException(plain(f"{error}{_help_for(error)}"))
            vars(ended)["exit_code"] = exit_code_of(error)
            raise ended from error

    return run


def _help_for(error: Exception) -> str:
    """The option or command that helps."""
    from maskstream_client.errors import NoServerError, SessionUnknownError
    from maskstream_protocol.errors import UnauthorizedError

    match error:
        case NoServerError():
            return " Start one with `maskstream serve`, or name another with --url."
        case UnauthorizedError():
            return " Give the server's key with --api-key, or in MASKSTREAM_API_KEY."
        case SessionUnknownError():
            return " `maskstream stream` says the name of its session."
    return ""


url_option = click.option(
    "--url",
    default=DEFAULT_URL,
    show_default=True,
    help="Address of the server; of several that share a store, all, separated by commas.",
)
model_option = click.option("--model", help="Model to use  [default: the server's own]")
api_key_option = click.option(
    "--api-key", envvar="MASKSTREAM_API_KEY", help="Key of the server (or MASKSTREAM_API_KEY)."
)
_masks = click.option(
    "--masks",
    type=click.Choice(MASK_FORMATS),
    default="rle",
    show_default=True,
    help="How masks travel.",
)
_mask_scale = click.option(
    "--mask-scale",
    type=click.Choice(["1", "0.5", "0.25"]),
    callback=lambda context, option, text: None if text is None else float(text),
    help="Size of the masks  [default: 1]",
)
_min_score = click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    help="Score from which a track is mentioned  [default: the model's own]",
)
_classes = click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    callback=lambda context, option, names: names or None,
    help="Mention this class only; may be repeated  [default: all]",
)
_prompts = click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="TEXT",
    callback=lambda context, option, texts: texts or None,
    help="Segment what this text refers to, where the model takes prompts; may be repeated.",
)
_show_min = click.option(
    "--show-min",
    type=click.FloatRange(0, 1),
    help="Score from which a track is drawn, and visible in results  [default: the model's own]",
)
_quality = click.option(
    "--quality", type=click.IntRange(1, 100), default=90, show_default=True, help="Of JPEG."
)


def result_options(command: Callable[P, None]) -> Callable[P, None]:
    """The options of what is said of a stream or a video."""
    for option in (_show_min, _prompts, _classes, _min_score, _mask_scale):
        command = option(command)
    return command


@click.command()
@click.argument("source")
@url_option
@click.option("--out", type=click.Path(path_type=Path), help="Annotated video to write (MP4).")
@click.option(
    "--json", "json_out", type=click.Path(path_type=Path), help="Results to write (JSON)."
)
@click.option("--summary", type=click.Path(path_type=Path), help="Summary to write (JSON).")
@model_option
@click.option(
    "--policy",
    type=click.Choice(["lossless", "latest"]),
    default="lossless",
    show_default=True,
    help="Answer every frame, or only the newest.",
)
@_masks
@result_options
@_quality
@click.option("--max-frames", type=click.IntRange(1), help="Stop after so many frames.")
@click.option(
    "--in-flight",
    "max_in_flight",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Frames sent ahead of their results; more help over a slow network.",
)
@api_key_option
@plain_errors
def stream(source: str, **asked: Any) -> None:
    """Send SOURCE to a server and keep what it finds.

    SOURCE is a video file, a URL such as rtsp://..., a camera by its number (0, 1, ...) or device
    (/dev/video0), a pipe (- is standard input), a folder of pictures, or a pattern of pictures
    ('shots/*.png', frame_%05d.jpg).
    Ctrl-C ends it in order, as SIGTERM does: what came until then is written.
    """
    from maskstream_client.options import StreamOptions
    from maskstream_client.stream_command import StreamJob, stream_source

    names = {field.name for field in fields(StreamOptions)} & asked.keys()
    options = {name: asked.pop(name) for name in names}
    options["mask_scale"] = options["mask_scale"] or 1.0
    name = int(source) if source.isdecimal() else source
    stream_source(StreamJob(name, options=StreamOptions(**options), **asked))


def _num_bytes(context: click.Context, option: click.Parameter, text: str) -> int:
    number, unit = text[:-1], text[-1:].upper()
    if unit in _UNITS and number.isdecimal():
        return int(number) << _UNITS[unit]
    if text.isdecimal():
        return int(text)
    raise click.BadParameter(f"{text!r} is no number of bytes, such as 4G, 300M or 1000000.")


@click.command()
@url_option
@click.option(
    "--bytes", "num_bytes", default="4G", show_default=True, callback=_num_bytes, help="Of a file."
)
@click.option("--pid", type=int, help="Process of the server, to measure its CPU and memory.")
@api_key_option
@click.option("--out", type=click.Path(path_type=Path), help="Write the JSON here too.")
@plain_errors
def bench_upload(**options: Any) -> None:
    """Measure a server while it takes a large file in, as a form and resumably; prints JSON.

    The file is all zeros and is deleted afterwards.
    """
    from maskstream_client.bench.upload import UploadBenchJob, run_bench_upload

    run_bench_upload(UploadBenchJob(**options))


@click.command()
@click.argument("session")
@url_option
@click.option("--max-frames", type=click.IntRange(1), help="Stop after so many frames.")
@api_key_option
@plain_errors
def watch(session: str, url: str, max_frames: int | None, api_key: str | None) -> None:
    """Print the results of SESSION, which another client streams: one line of JSON a frame."""
    from maskstream_client.loop_thread import iterate_blocking
    from maskstream_client.results_json import result_line
    from maskstream_client.watching import Watch

    viewer = Watch(url, session, api_key=api_key)
    with closing(iterate_blocking(lambda: viewer.results(every_frame=True))) as results:
        for result in islice(results, max_frames):
            click.echo(json.dumps(result_line(result), separators=(",", ":")))


@click.command()
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
@_masks
@_mask_scale
@_quality
@api_key_option
@click.option("--out", type=click.Path(path_type=Path), help="Write the JSON here too.")
@plain_errors
def bench(**options: Any) -> None:
    """Measure a server; prints JSON."""
    from maskstream_client.bench.streams import BenchJob, run_bench

    if options["flat"] and any((options["sessions"] > 1, options["fps"], options["beside_video"])):
        raise click.UsageError("--flat is for one session, flat out, and no video beside it.")
    options["mask_scale"] = options["mask_scale"] or 1.0
    run_bench(BenchJob(**options))
