"""The command `maskstream bench`, and a decorator that makes a function one of its subjects."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from maskstream_bench.report import Measured, report, text_of
from maskstream_client.commands import click_errors
from maskstream_command.group import LazyGroup

_SUBJECTS: Final = {
    "live": "Streams to a running server: frames per second, latency, memory (the default).",
    "upload": "A large file into a running server: speed and memory.",
    "video": "Work on a whole video: seconds and memory.",
    "model": "The steps of a model.",
    "engine": "CPU time of the parts of a step, beside another checkout.",
    "check": "Whether parts of a step are slower than recorded.",
    "growth": "CPU time and memory against length, tracks, sessions and frame size.",
    "store": "Cost of a shared store to a stream: latency, bytes, takeovers.",
    "overhead": "Cost of a frame without the model.",
    "units": "Bytes of a stream as JPEG and by video codecs, and the masks of both.",
}


class _Bench(LazyGroup):
    """Subjects by name; without one, `live`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take the options of `live` without its name."""
        named = args and (not args[0].startswith("-") or args[0] in context.help_option_names)
        return super().parse_args(context, args if named else ["live", *args])


@click.group(cls=_Bench, entry_group="maskstream.benches", short_help_of=_SUBJECTS)
def bench() -> None:
    """Measure, and print a report as JSON: runs, ratios between them, and the machine.

    `maskstream bench` alone measures streams to a running server (`bench live --help`).
    """


def subject(measure: Callable[..., Measured]) -> click.Command:
    """Make a command that prints and keeps the report of a function's measurements."""

    @click.option(
        "--out", type=click.Path(dir_okay=False, path_type=Path), help="Report as a file."
    )
    @click_errors
    @wraps(measure)
    def run(out: Path | None, **asked: Any) -> None:
        text = text_of(report(measure.__name__, asked, measure(**asked)))
        click.echo(text)
        if out is not None:
            out.write_text(text + "\n", encoding="utf-8")

    return click.command()(run)


def video_argument(required: bool = False) -> Callable[[Any], Any]:
    """Return the argument for a video; if optional, moving shapes are the default."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.argument("video", type=kind, required=required)
