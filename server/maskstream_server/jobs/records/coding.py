"""A video's record as JSON, for stores."""

import json
from dataclasses import asdict
from functools import cache

from pydantic import TypeAdapter, ValidationError

from maskstream_server.errors import BadOptionsError, RecordUnreadableError
from maskstream_server.jobs.records.record import VideoRecord


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
