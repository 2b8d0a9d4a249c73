"""The commands for recordings: `maskstream record`, `replay` and `results`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskstream_client.commands import api_key_option, click_errors, model_option, url_option

if TYPE_CHECKING:
    from maskstream_client.recordings import Recording
    from maskstream_client.recordings.recorder import RecordJob

_recording = click.argument("recording", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@click.argument("source", required=False)
@click.option("--session", metavar="NAME", help="Record what another client streams instead.")
@url_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@model_option
@click.option("--min-score", type=click.FloatRange(0, 1), help="Score to mention a track.")
@click.option("--max-frames", type=click.IntRange(1), help="Stop after so many frames.")
@click.option(
    "--max-megabytes",
    type=click.IntRange(1),
    default=1024,
    show_default=True,
    help="Room for the file; beyond that the oldest frames go.",
)
@api_key_option
@click_errors
def record(
    source: str | None,
    session: str | None,
    url: str,
    out: Path,
    api_key: str | None,
    max_frames: int | None,
    max_megabytes: int,
    **options: Any,
) -> None:
    """Stream SOURCE to a server, and record the session in a file (--out).

    The file has the results, hashes of the frames, the session's memory now and then, and the
    versions of all that results depend on: `maskstream replay` runs it again, and `maskstream
    results` makes files of other tools of it. Frames are not in it. SOURCE is as in `maskstream
    stream`. Of a --session that another client streams there are results alone, to be exported.
    """
    from maskstream_client.recordings.recorder import RecordJob
    from maskstream_client.stream_options import StreamOptions

    if (source is None) == (session is None):
        raise ValueError("Name what to record: a SOURCE, or a --session.")
    job = RecordJob(url, out, api_key, StreamOptions(**options), max_megabytes << 20)
    _warn(f"Recording into {out}; Ctrl-C ends it.")
    if session is not None:
        _record_session(job, session, max_frames)
    elif source is not None:
        _record_source(job, source, max_frames)


def _record_session(job: RecordJob, session: str, max_frames: int | None) -> None:
    from maskstream_client.recordings.recorder import record_session

    count = sum(1 for _ in islice(record_session(job, session), max_frames))
    _say(f"{job.out}: {count} frames.")


def _record_source(job: RecordJob, source: str, max_frames: int | None) -> None:
    from maskstream_client.interrupts import Interrupts
    from maskstream_client.recordings.recorder import record_source
    from maskstream_client.sources import open_reader
    from maskstream_client.stream_files import prepare_outputs

    name = int(source) if source.isdecimal() else source
    prepare_outputs(name, job.out)
    with open_reader(name, max_frames) as reader, Interrupts(reader.stop) as interrupts:
        count = sum(1 for _ in record_source(job, name, reader))
    _say(f"{job.out}: {count} frames.")
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _assignments(
    context: click.Context, option: click.Parameter, texts: Sequence[str]
) -> Mapping[str, Any]:
    """Values of `name=value`: JSON, or else a text."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is no name=value.")
        try:
            values[name.strip()] = json.loads(value)
        except ValueError:
            values[name.strip()] = value
    return values


@click.command()
@_recording
@click.argument("video", required=False)
@url_option
@click.option(
    "--what-if",
    "what_if",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_assignments,
    help='Run with another option: min_score=0.5, classes=["car"]; may be repeated.',
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@api_key_option
@click_errors
def replay(
    recording: Path,
    video: str | None,
    url: str,
    what_if: Mapping[str, Any],
    as_json: bool,
    api_key: str | None,
) -> None:
    """Run the frames of RECORDING again, and say whether the results have the same bits.

    VIDEO is where the frames are, where they are not at the place that the recording names. The
    exit status is 1 where results differ. With --what-if it is 0, and what changes is said.
    """
    from maskstream_client.recordings import report as reports
    from maskstream_client.recordings.replay import ReplayJob
    from maskstream_client.recordings.replay import replay as replay_recording
    from maskstream_client.terminal import printable_json

    job = ReplayJob(_open(recording), url, api_key, video, what_if)
    report = replay_recording(job)
    if as_json:
        click.echo(printable_json(reports.as_json(report)))
    else:
        _say(*(reports.changes(report) if what_if else reports.sentences(report)))
    if report.different and not what_if:
        sys.exit(1)


@click.group()
def results() -> None:
    """Files of other tools from recorded results."""


def _names(context: click.Context, option: click.Parameter, text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@results.command(short_help="Make files of other tools of a recording.")
@_recording
@click.option(
    "--to",
    "names",
    required=True,
    callback=_names,
    help="Files to make, with commas between them, such as coco.json, mots.zip, cvat-masks.xml, "
    "tracks.csv (docs/exports.md has all).",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click_errors
def export(recording: Path, names: Sequence[str], out: Path) -> None:
    """Make files of the RECORDING that `maskstream record` has written, in the folder --out."""
    read = _open(recording)
    paths = read.export(out, names)
    if not any(frame.get("objects") for frame in read.frames()):
        _warn(f"{recording} has no tracks: the files have none either.")
    _say(*paths)


def _open(path: Path) -> Recording:
    from maskstream_client.recordings import Recording

    recording = Recording(path)
    if recording.is_cut:
        _warn(f"{path} ends inside a line: it was cut off after {recording.num_frames} frames.")
    return recording


def _warn(sentence: str) -> None:
    from maskstream_client.terminal import printable

    click.echo(printable(sentence), err=True)


def _say(*lines: object) -> None:
    from maskstream_client.terminal import printable

    click.echo("\n".join(printable(str(line)) for line in lines))
