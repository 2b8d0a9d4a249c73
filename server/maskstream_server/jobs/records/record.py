"""The record of one video, which is the truth about it, and its transitions: pure.

    queued -> running -> done | failed | cancelled
       ^---------'  released by a worker that stops in order; a dead worker's video is claimed anew

Each claim raises the fence, so that a worker whose claim was taken over cannot write any more.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import PlainValidator

from maskstream_server.errors import FencedOutError
from maskstream_server.jobs.records.fields import Artifact, Count, PartName, Rate, Seconds, VideoId
from maskstream_server.jobs.records.job_options import JobOptions, options_from

MAX_ATTEMPTS = 3
"""Workers that a video may take down with it."""


class VideoState(StrEnum):
    """Where a video is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({VideoState.DONE, VideoState.FAILED, VideoState.CANCELLED})


@dataclass(frozen=True)
class ResultPart:
    """A file of results, one line a frame; bytes beyond `num_bytes` are not part of the result.

    Attributes:
        first_frame: index of the frame of its first line.
        num_bytes: how much of it counts.
    """

    name: PartName
    first_frame: Count
    num_bytes: Count


@dataclass(frozen=True)
class Progress:
    """How far a worker has come.

    Attributes:
        next_frame: frames before it are done.
        part: the worker's own results, as far as they go.
        frames_total: as the file says; None where it does not.
        last: whether there are no more frames.
        warning: one sentence where not all of the file could be read.
        frame_rate, width, height: of the frames that are looked at; see `VideoRecord`.
    """

    next_frame: int
    part: ResultPart
    frames_total: int | None = None
    last: bool = False
    warning: str | None = None
    frame_rate: float | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class VideoRecord:
    """One video.

    Attributes:
        id: letters and digits; later videos have larger ones.
        name: what the client calls the file.
        num_bytes: of the uploaded file; 0 while it has not been fetched.
        created_s, updated_s: Unix time.
        reason: one sentence, where it has failed.
        revision: grows with every change.
        fence: grows with every claim; a writer must name the newest.
        attempt: workers that have begun it and have not released it.
        next_frame: frames before it are in `parts`, and the stored memory is that before it.
        seen_frame: frames before it have been through the model: in the mode `offline` more than
            have results.
        frames_total: as the file says, in the end as counted; None where it does not say.
        frame_rate: of the frames that are looked at, per second; None: not known yet.
        width, height: of its upright frames in pixels; None: not known yet.
        all_frames: whether every frame is done; what is left then are artifacts.
        warning: sentences where not all of the file could be read.
        parts: the results so far, in order.
        artifacts: names of the files that are ready.
        url: where the file is to be fetched; None where it was uploaded.
        tell_attempts: how often its webhook was tried (see `webhook`).
        tell_at_s: Unix time from which it may be tried again; None: at once.
        told_s: Unix time at which it was delivered.
        began_s, began_frame: when and where the worker at work began, for its speed.
    """

    id: VideoId
    name: str
    options: Annotated[JobOptions, PlainValidator(options_from)]
    num_bytes: Count
    created_s: Seconds
    updated_s: Seconds
    state: VideoState = VideoState.QUEUED
    reason: str | None = None
    revision: Count = 1
    fence: Count = 0
    attempt: Count = 0
    next_frame: Count = 0
    seen_frame: Count = 0
    frames_total: Count | None = None
    frame_rate: Rate | None = None
    width: Count | None = None
    height: Count | None = None
    all_frames: bool = False
    warning: str | None = None
    parts: tuple[ResultPart, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    url: str | None = None
    tell_attempts: Count = 0
    tell_at_s: Seconds | None = None
    told_s: Seconds | None = None
    began_s: Seconds | None = None
    began_frame: Count = 0

    @property
    def ended(self) -> bool:
        """Whether nothing will be added to it any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class UnreadableRecord:
    """What a list shows of a video whose record cannot be read.

    Attributes:
        reason: what is wrong with its record, without a full stop.
    """

    id: str
    reason: str


Listed = VideoRecord | UnreadableRecord


def claim(record: VideoRecord, now_s: float) -> VideoRecord:
    """Give the video to the caller, under a new fence; one that kills its workers fails instead.

    Raises:
        FencedOutError: it has ended.
    """
    _check_open(record)
    fenced = replace(record, fence=record.fence + 1, updated_s=now_s)
    if record.attempt >= MAX_ATTEMPTS:
        reason = (
            f"{record.attempt} workers ended while they worked on this video, "
            f"the last one after frame {record.next_frame}."
        )
        return replace(fenced, state=VideoState.FAILED, reason=reason)
    return replace(
        fenced,
        state=VideoState.RUNNING,
        attempt=record.attempt + 1,
        began_s=now_s,
        began_frame=record.next_frame,
        seen_frame=record.next_frame,
    )


# What the worker of a claim writes: each raises `FencedOutError` where the video is another
# worker's now, or has ended.


def checkpoint(record: VideoRecord, fence: int, progress: Progress, now_s: float) -> VideoRecord:
    """Count the results so far."""
    others = tuple(other for other in record.parts if other.name != progress.part.name)
    return _write(
        record,
        fence,
        now_s,
        next_frame=progress.next_frame,
        seen_frame=max(record.seen_frame, progress.next_frame),
        parts=(*others, progress.part),
        frames_total=progress.next_frame if progress.last else progress.frames_total,
        all_frames=progress.last,
        warning=progress.warning,
        frame_rate=progress.frame_rate,
        width=progress.width,
        height=progress.height,
    )


def seen(
    record: VideoRecord, fence: int, frame: int, frames_total: int | None, now_s: float
) -> VideoRecord:
    """Note how far the model has come, ahead of the results."""
    frame = max(record.seen_frame, frame)
    return _write(record, fence, now_s, seen_frame=frame, frames_total=frames_total)


def fetched(record: VideoRecord, fence: int, num_bytes: int, now_s: float) -> VideoRecord:
    """Note that the file is there."""
    return _write(record, fence, now_s, num_bytes=num_bytes)


def start_over(record: VideoRecord, fence: int, now_s: float) -> VideoRecord:
    """Forget all results, where the stored memory is another model's."""
    none = {"next_frame": 0, "seen_frame": 0, "parts": (), "all_frames": False, "began_frame": 0}
    return _write(record, fence, now_s, **none)


def finish(record: VideoRecord, fence: int, warning: str | None, now_s: float) -> VideoRecord:
    """End it well, after the last checkpoint: the artifacts are there, or mostly."""
    return _write(
        record,
        fence,
        now_s,
        state=VideoState.DONE,
        artifacts=record.options.artifacts,
        warning=" ".join(filter(None, (record.warning, warning))) or None,
    )


def fail(record: VideoRecord, fence: int, reason: str, now_s: float) -> VideoRecord:
    """End it with a reason."""
    return _write(record, fence, now_s, state=VideoState.FAILED, reason=reason)


def release(record: VideoRecord, fence: int, now_s: float) -> VideoRecord:
    """Return it to the queue: this attempt does not count."""
    return _write(record, fence, now_s, state=VideoState.QUEUED, attempt=record.attempt - 1)


def _write(record: VideoRecord, fence: int, now_s: float, **changes: Any) -> VideoRecord:
    if record.fence != fence or record.ended:
        raise FencedOutError(f"video {record.id} is {record.state} under fence {record.fence}")
    return replace(record, updated_s=now_s, **changes)


def cancel(record: VideoRecord, now_s: float) -> VideoRecord:
    """End it because a client asks for that; its worker is fenced out.

    Raises:
        FencedOutError: it has ended already.
    """
    _check_open(record)
    return replace(
        record, state=VideoState.CANCELLED, fence=record.fence + 1, parts=(), updated_s=now_s
    )


def _check_open(record: VideoRecord) -> None:
    if record.ended:
        raise FencedOutError(f"video {record.id} is {record.state}")
