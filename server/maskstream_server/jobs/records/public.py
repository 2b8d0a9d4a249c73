"""A video as clients see it: what the REST API answers with, and webhooks bring."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from maskstream_server.jobs.records.fields import Artifact
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import (
    Listed,
    UnreadableRecord,
    VideoRecord,
    VideoState,
)

ALMOST_PERCENT = 99.9
"""What is not done yet is never shown as 100 %."""
Date = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@dataclass(frozen=True)
class WebhookState:
    """Whether the end of a video was reported: when, and after how many attempts."""

    delivered: Date | None
    attempts: int


@dataclass(frozen=True)
class Video:
    """A whole video: state, progress, options, files (docs/videos.md)."""

    id: str
    name: str
    state: VideoState
    reason: str | None
    warning: str | None
    percent: float | None
    frames_done: int
    frames_total: int | None
    frame_rate: float | None
    width: int | None
    height: int | None
    fps: float | None
    eta_s: float | None
    attempt: int
    artifacts: list[Artifact]
    options: JobOptions
    webhook: WebhookState | None
    bytes: int
    created: Date
    updated: Date


@dataclass(frozen=True)
class UnreadableVideo:
    """What a list shows of a video whose record cannot be read; it can only be deleted."""

    id: str
    name: str
    state: Literal["unreadable"]
    reason: str


def public_video(record: VideoRecord) -> Video:
    """Return what clients see of a video."""
    fps = _fps(record)
    left = None if record.frames_total is None else record.frames_total - record.seen_frame
    running = record.state is VideoState.RUNNING
    return Video(
        id=record.id,
        name=record.name,
        state=record.state,
        reason=record.reason,
        warning=record.warning,
        percent=_percent(record),
        frames_done=record.next_frame,
        frames_total=record.frames_total,
        frame_rate=record.frame_rate,
        width=record.width,
        height=record.height,
        fps=fps,
        eta_s=round(max(0, left) / fps, 1) if running and fps and left is not None else None,
        attempt=record.attempt,
        artifacts=list(record.artifacts),
        options=record.options,
        webhook=None if record.options.webhook is None else _webhook(record),
        bytes=record.num_bytes,
        created=_as_date(record.created_s),
        updated=_as_date(record.updated_s),
    )


def listed_video(record: Listed) -> Video | UnreadableVideo:
    """Return what a list shows of a video."""
    if isinstance(record, UnreadableRecord):
        return UnreadableVideo(record.id, "", "unreadable", f"{record.reason}.")
    return public_video(record)


def public_json(record: VideoRecord) -> dict[str, Any]:
    """Return `public_video` as a JSON object."""
    return asdict(public_video(record))


def _webhook(record: VideoRecord) -> WebhookState:
    delivered = None if record.told_s is None else _as_date(record.told_s)
    return WebhookState(delivered, record.tell_attempts)


def _percent(record: VideoRecord) -> float | None:
    if record.state is VideoState.DONE:
        return 100.0
    if not record.frames_total:
        return None
    return min(ALMOST_PERCENT, round(100 * record.seen_frame / record.frames_total, 1))


def _fps(record: VideoRecord) -> float | None:
    """Return frames per second of the last worker, up to its last report."""
    if record.began_s is None or record.updated_s <= record.began_s:
        return None
    num_frames = record.seen_frame - record.began_frame
    return round(num_frames / (record.updated_s - record.began_s), 2) if num_frames > 0 else None


def _as_date(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
