"""What `maskstream run` does: a video to a server, and its files from it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from maskstream_client.errors import RefusedError, VideoEndedError
from maskstream_client.interrupts import INTERRUPTED
from maskstream_client.terminal import printable
from maskstream_client.video_record import Video
from maskstream_client.videos.progress_bars import ProgressBars
from maskstream_client.videos.resume_file import ResumeFile
from maskstream_client.videos.sync_videos import Videos
from maskstream_client.videos.video_options import Submission, VideoOptions
from maskstream_protocol.errors import WireError

_BY_DEFAULT: Final = ("ytvis.json",)
"""What a server makes of a video where nothing is asked for."""


@dataclass(frozen=True)
class RunJob:
    """What the command line asked for; see its help."""

    source: str
    out: Path
    videos: Videos
    url: str
    options: VideoOptions
    force: bool = False


def run_video(job: RunJob) -> None:
    """Upload a video, wait for it, and download its files.

    Raises:
        MaskstreamError: the file, the server or the folder is not there, the folder has files of
            another video, or the video failed.
        WireError: the server refuses the video.
    """
    resume_file = ResumeFile(job.out, job.source, job.url, job.options)
    if not job.force:
        resume_file.check_place(job.options.artifacts or _BY_DEFAULT)
    try:
        with ProgressBars() as bars:
            video, paths = _run(job, resume_file, bars)
    except KeyboardInterrupt:
        _interrupted(job, resume_file)
        sys.exit(INTERRUPTED)
    except VideoEndedError:
        resume_file.forget()
        raise
    except (RefusedError, WireError):
        resume_file.forget_unbegun()
        raise
    resume_file.forget()
    if video.warning:
        click.echo(printable(f"Not all of it could be read: {video.warning}"), err=True)
    click.echo(printable(f"{video.name}, frames: {video.frames_done}"), err=True)
    for path in paths:
        click.echo(printable(str(path)))


def _run(job: RunJob, resume_file: ResumeFile, bars: ProgressBars) -> tuple[Video, Sequence[Path]]:
    video = job.videos.submit(
        job.source,
        progress=bars.uploaded,
        resume=resume_file.read(),
        remember=resume_file.write,
        **vars(job.options),
    )
    video = job.videos.wait(video, progress=bars.worked)
    return video, job.videos.download(video, job.out, progress=bars.downloaded)


def _interrupted(job: RunJob, resume_file: ResumeFile) -> None:
    """Ask whether to cancel the job at the server too, if there is a terminal."""
    submission = resume_file.read()
    what = "upload" if submission.video is None else "video"
    if _confirmed(f"Cancel the {what} at the server?"):
        state = _cancel(job, submission)
        resume_file.forget()
        click.echo(f"The {what} is {state}.", err=True)
        return
    click.echo("Stopped here only; the same command continues from here.", err=True)
    if submission.video is not None:
        click.echo(
            printable(
                "The server works on; when it is done, this fetches the files: maskstream videos "
                f"download {submission.video} --url {job.url} --out {job.out}"
            ),
            err=True,
        )


def _cancel(job: RunJob, submission: Submission) -> str:
    if submission.video is not None:
        return job.videos.cancel(submission.video).state
    job.videos.discard(submission)
    return "cancelled"


def _confirmed(question: str) -> bool:
    """Confirm at a terminal; false without one, and after a second Ctrl-C."""
    if not sys.stdin.isatty():
        return False
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        return False
