"""The commands for whole videos: `maskstream run` and `maskstream videos`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from maskstream_client.commands import (
    api_key_option,
    click_errors,
    model_option,
    result_options,
    url_option,
)

if TYPE_CHECKING:
    from maskstream_client.video_record import Video
    from maskstream_client.videos import Videos

P = ParamSpec("P")
_out = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the files  [default: this one]",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _names(context: click.Context, option: click.Parameter, text: str | None) -> Sequence[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


@click.command()
@click.argument("source")
@url_option
@_out
@click.option("--force", is_flag=True, help="Overwrite the files of another video.")
@click.option(
    "--mode",
    type=click.Choice(["online", "offline"]),
    default="online",
    show_default=True,
    help="What streaming gives, or refined over time.",
)
@click.option(
    "--artifacts",
    callback=_names,
    help="Files to make, with commas between them, such as overlay.mp4, coco.json, mots.zip, "
    "cvat-masks.xml (docs/exports.md has all)  [default: ytvis.json]",
)
@model_option
@result_options
@click.option("--frame-stride", type=click.IntRange(1), help="Take every so many-th frame only.")
@api_key_option
@click_errors
def run(
    source: str,
    url: str,
    out: Path,
    force: bool,
    api_key: str | None,
    artifacts: Sequence[str],
    **options: Any,
) -> None:
    """Upload the video SOURCE, wait until it is done, and download its files.

    SOURCE is a file, or an address such as https://example.com/street.mp4, which the server
    fetches where its operator allows that.

    A lost connection is made again. If this command itself is stopped, the same command resumes
    where it was: at the upload, the waiting or the download.

    Ctrl-C asks whether to cancel the work at the server.
    """
    from maskstream_client.videos import VideoOptions, Videos
    from maskstream_client.videos.run import RunJob, run_video

    wanted = VideoOptions(artifacts=artifacts or None, **options)
    run_video(RunJob(source, out, Videos(url, api_key=api_key), url, wanted, force))


def _on_server(command: Callable[Concatenate[Videos, P], None]) -> Callable[..., None]:
    """A command whose first argument are the videos of the server that its options name."""

    @url_option
    @api_key_option
    @click_errors
    @wraps(command)
    def run(*args: Any, url: str, api_key: str | None, **options: Any) -> None:
        from maskstream_client.videos import Videos

        command(Videos(url, api_key=api_key), *args, **options)

    return run


@click.group()
def videos() -> None:
    """The videos that a server has: list, show, cancel, delete, download."""


@videos.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most.")
@_as_json
@_on_server
def list_videos(server: Videos, limit: int, as_json: bool) -> None:
    """List the newest videos."""
    found = list(server.list(limit))
    if as_json:
        _print_json([asdict(video) for video in found])
        return
    _say(*map(_row, found))


@videos.command(short_help="Show one video.")
@click.argument("video")
@_as_json
@_on_server
def show(server: Videos, video: str, as_json: bool) -> None:
    """Show the video whose id is VIDEO."""
    found = asdict(server.get(video))
    if as_json:
        _print_json(found)
        return
    rows = ((name, value) for name, value in found.items() if value is not None)
    _say(*(f"{name:13} {_one_line(value)}" for name, value in rows))


@videos.command(short_help="Stop the work on a video.")
@click.argument("video")
@_on_server
def cancel(server: Videos, video: str) -> None:
    """Stop the work on the video whose id is VIDEO, and delete its results."""
    result = server.cancel(video)
    if result.state != "cancelled":
        raise click.ClickException(
            f"{result.name} is {result.state} already; "
            f"`maskstream videos delete {result.id}` removes it."
        )
    _say(f"{result.name} is cancelled.")


@videos.command(short_help="Delete a video and its files.")
@click.argument("video")
@_on_server
def delete(server: Videos, video: str) -> None:
    """Delete the video whose id is VIDEO and all its files from the server."""
    server.delete(video)
    _say(f"{video} is deleted.")


@videos.command(short_help="Download the files of a video.")
@click.argument("video")
@click.argument("names", nargs=-1)
@_out
@_on_server
def download(server: Videos, video: str, names: Sequence[str], out: Path) -> None:
    """Download the files of the video whose id is VIDEO, or only those called NAMES.

    Partial downloads are resumed.
    """
    from maskstream_client.videos.progress_bars import ProgressBars

    with ProgressBars() as bars:
        paths = server.download(video, out, names or None, progress=bars.downloaded)
    _say(*paths)


@videos.command(short_help="Make files of the results of a video.")
@click.argument("video")
@click.argument("names", nargs=-1, required=True)
@_out
@_on_server
def export(server: Videos, video: str, names: Sequence[str], out: Path) -> None:
    """Make files of the results of the video whose id is VIDEO: NAMES, such as coco.json.

    They need not have been asked for before; docs/exports.md lists them.
    """
    _say(*server.export(video, out, names))


def _say(*lines: object) -> None:
    """Print lines in which names are from elsewhere.

    At once, so that `| head` does not make the rest fail.
    """
    from maskstream_client.terminal import printable

    if lines:
        click.echo("\n".join(printable(str(line)) for line in lines))


def _row(video: Video) -> str:
    name = video.name or video.reason or ""
    return f"{video.id}  {video.state:10}  {_percent(video):>6}  {name}"


def _print_json(value: Any) -> None:
    from maskstream_client.terminal import printable_json

    click.echo(printable_json(value))


def _percent(video: Video) -> str:
    return "" if video.percent is None else f"{video.percent:.1f}%"


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name}={_one_line(item)}" for name, item in value.items() if item is not None
        )
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
