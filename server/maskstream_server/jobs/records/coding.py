"""A video's record as JSON, for stores, and as clients see it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from maskstream_server.errors import BadOptionsError, RecordUnreadableError
from maskstream_server.jobs.records.record import (
    Listed,
    UnreadableRecord,
    VideoRecord,
    VideoState,
)

ALMOST_PERCENT = 99.9
"""What is not done yet is never told as 100 %."""


def record_to_json(record: VideoRecord) -> bytes:
    """Return what `record_from_json` reads."""
    return json.dumps(asdict(record), separators=(",", ":")).encode()


def record_from_json(text: bytes, video: str) -> VideoRecord:
    """Read the record of a video; fields of a later version are ignored, other values are not.

    Raises:
        RecordUnreadableError: it is none, or one that this version could not have written.
    """
    try:
        record = _reader().validate_json(text, strict=True)
    except ValidationError as error:
        raise RecordUnreadableError(video, _reason(error)) from None
    except BadOptionsError as error:
        raise RecordUnreadableError(video, str(error).rstrip(".")) from None
    if record.id != video:
        raise RecordUnreadableError(video, "it is another video's")
    return record


@cache
def _reader() -> TypeAdapter[VideoRecord]:
    return TypeAdapter(VideoRecord)


def _reason(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def as_told(record: Listed) -> dict[str, Any]:
    """Return the JSON object of `/v1/videos/{id}`, or what a list shows in its place."""
    if isinstance(record, UnreadableRecord):
        return {"id": record.id, "name": "", "state": "unreadable", "reason": f"{record.reason}."}
    fps = _fps(record)
    left = None if record.frames_total is None else record.frames_total - record.seen_frame
    running = record.state is VideoState.RUNNING
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state.value,
        "reason": record.reason,
        "warning": record.warning,
        "percent": _percent(record),
        "frames_done": record.next_frame,
        "frames_total": record.frames_total,
        "fps": fps,
        "eta_s": round(max(0, left) / fps, 1) if running and fps and left is not None else None,
        "attempt": record.attempt,
        "artifacts": list(record.artifacts),
        "options": record.options.to_json(),
        "webhook": None if record.options.webhook is None else _webhook(record),
        "bytes": record.num_bytes,
        "created": _as_date(record.created_s),
        "updated": _as_date(record.updated_s),
    }


def _webhook(record: VideoRecord) -> dict[str, Any]:
    delivered = None if record.told_s is None else _as_date(record.told_s)
    return {"delivered": delivered, "attempts": record.tell_attempts}


def _percent(record: VideoRecord) -> float | None:
    if record.state is VideoState.DONE:
        return 100.0
    if not record.frames_total:
        return None
    return min(ALMOST_PERCENT, round(100 * record.seen_frame / record.frames_total, 1))


def _fps(record: VideoRecord) -> float | None:
    """Return frames per second of the last worker, up to what it has last told."""
    if record.began_s is None or record.updated_s <= record.began_s:
        return None
    num_frames = record.seen_frame - record.began_frame
    return round(num_frames / (record.updated_s - record.began_s), 2) if num_frames > 0 else None


def _as_date(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
