"""The client's subcommands for streams: `stream` and `watch`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, ParamSpec

import click

from maskstream_client.urls import DEFAULT_URL
from maskstream_protocol.frames import PACKET_CODECS
from maskstream_protocol.messages import MASK_FORMATS
from maskstream_protocol.rules import Rule, read_rules

P = ParamSpec("P")


def click_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print an error as one sentence, with what helps, and exit with its status.

    Where standard output is closed early (`| head`), the command ends silently.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from maskstream_client.errors import MaskstreamError, exit_code_of
        from maskstream_client.terminal import printable
        from maskstream_protocol.errors import ProtocolError

        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise
        except (MaskstreamError, ProtocolError, ValueError, OSError) as error:
            ended = click.ClickException(printable(f"{error}{_help_for(error)}"))
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
masks_option = click.option(
    "--masks",
    type=click.Choice(MASK_FORMATS),
    default="rle",
    show_default=True,
    help="How masks travel.",
)
mask_scale_option = click.option(
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
_CLASSES = "maskstream.classes"


def _keep_names(context: click.Context, option: click.Parameter, text: str | None) -> None:
    names = (name.strip() for name in (text or "").split(","))
    context.meta[_CLASSES] = tuple(name for name in names if name)


# Read first, so that `--class` has them too.
_class_names = click.option(
    "--classes",
    "class_names",
    metavar="NAME,...",
    is_eager=True,
    expose_value=False,
    callback=_keep_names,
    help="Mention these classes only, with commas between them  [default: all]",
)
_classes = click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    callback=lambda context, option, names: (*context.meta[_CLASSES], *names) or None,
    help="The same for one class, whatever its name; may be repeated.",
)
_prompts = click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="TEXT",
    callback=lambda context, option, texts: texts or None,
    help="Segment what this text refers to, where the model takes prompts; may be repeated.",
)


def _read_rules(
    context: click.Context, option: click.Parameter, path: Path | None
) -> tuple[Rule, ...] | None:
    if path is None:
        return None
    try:
        rules = json.loads(path.read_bytes())
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise click.BadParameter(f"{path} is no JSON: {error.msg}, at {where}.") from None
    except (UnicodeDecodeError, RecursionError):
        raise click.BadParameter(f"{path} is no JSON.") from None
    try:
        return read_rules(rules)
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}") from None


_rules = click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_read_rules,
    help="JSON file with a list of rules that make events of results (docs/events.md).",
)
_show_min = click.option(
    "--show-min",
    type=click.FloatRange(0, 1),
    help="Score from which a track is drawn, and visible in results  [default: the model's own]",
)
quality_option = click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=90,
    show_default=True,
    help="Of JPEG, or of the video codec.",
)
_codec = click.option(
    "--codec",
    type=click.Choice(PACKET_CODECS),
    help="Send frames as a video of this codec, which takes several times less than JPEG.",
)


def result_options(command: Callable[P, None]) -> Callable[P, None]:
    """The options for the messages about a stream or a video."""
    options = (_show_min, _rules, _prompts, _classes, _class_names, _min_score, mask_scale_option)
    for option in options:
        command = option(command)
    return command


@click.command()
@click.argument("source")
@url_option
@click.option("--out", type=click.Path(path_type=Path), help="Annotated video to write (MP4).")
@click.option(
    "--json", "json_out", type=click.Path(path_type=Path), help="Results to write (JSON)."
)
@click.option("--show", is_flag=True, help="Show it in a window; q or Escape ends it.")
@click.option("--summary", type=click.Path(path_type=Path), help="Summary to write (JSON).")
@model_option
@click.option(
    "--policy",
    type=click.Choice(["lossless", "latest"]),
    default="lossless",
    show_default=True,
    help="Answer every frame, or only the newest.",
)
@masks_option
@result_options
@_codec
@quality_option
@click.option("--webhook", help="Address that events are sent to, where the server may do that.")
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
@click_errors
def stream(source: str, **asked: Any) -> None:
    """Send SOURCE to a server and keep what it finds.

    SOURCE is a video file, a URL such as rtsp://..., a camera by its number (0, 1, ...) or device
    (/dev/video0), a pipe (- is standard input), a folder of pictures, or a pattern of pictures
    ('shots/*.png', frame_%05d.jpg).
    What --rules find is printed, a line of JSON for each event.
    Ctrl-C ends it in order, as SIGTERM does: what came until then is written.
    """
    from maskstream_client.stream_command import StreamJob, stream_source
    from maskstream_client.stream_options import StreamOptions

    names = {field.name for field in fields(StreamOptions)} & asked.keys()
    options = {name: asked.pop(name) for name in names}
    options["mask_scale"] = options["mask_scale"] or 1.0
    name = int(source) if source.isdecimal() else source
    stream_source(StreamJob(name, options=StreamOptions(**options), **asked))


@click.command()
@click.argument("session")
@url_option
@_class_names
@_classes
@click.option("--max-frames", type=click.IntRange(1), help="Stop after so many frames.")
@api_key_option
@click_errors
def watch(
    session: str,
    url: str,
    classes: tuple[str, ...] | None,
    max_frames: int | None,
    api_key: str | None,
) -> None:
    """Print the results of SESSION, which another client streams: one line of JSON a frame."""
    from maskstream_client.loop_thread import iterate_blocking
    from maskstream_client.results_json import result_line
    from maskstream_client.watching import Watch

    viewer = Watch(url, session, api_key=api_key)
    with closing(iterate_blocking(lambda: viewer.results(every_frame=True))) as results:
        for result in islice(results, max_frames):
            line = result_line(result, classes)
            click.echo(json.dumps(line, separators=(",", ":")))
