"""The results of a whole video: one line of JSON for each frame."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.fields import read_fields
from maskstream_protocol.records import Status
from maskstream_protocol.rle import decode_rle
from maskstream_protocol.rule_events import RuleEvent


@dataclass(frozen=True)
class FrameObject:
    """One object on one frame.

    Attributes:
        track_id: its identity, the same on every frame.
        class_id: index into the model's class list.
        label: name of its class.
        score: 0 to 1.
        status: emerged, tracked, missed or disappeared.
        age: frames since birth, 1 at birth.
        box: x0, y0, x1, y1, half open, in mask pixels; all 0 without a mask.
        area: pixels of its mask.
        segmentation: compressed COCO RLE of the mask grid; None without a pixel.
    """

    track_id: int
    class_id: int
    label: str
    score: float
    status: Status
    age: int
    box: tuple[int, int, int, int]
    area: int
    segmentation: Mapping[str, Any] | None
    size: tuple[int, int]

    def mask(self) -> NDArray[np.bool_]:
        """(H, W) on the mask grid."""
        if self.segmentation is None:
            return np.zeros(self.size, bool)
        return decode_rle(self.segmentation["counts"].encode(), *self.size)


@dataclass(frozen=True)
class FrameLine:
    """What was found in one frame of a video.

    Attributes:
        frame: its index, from 0.
        time_s: its presentation time; None where the file does not say.
        size: height and width of the mask grid.
        objects: every track that is mentioned on it.
        events: what the video's rules have found on it.
    """

    frame: int
    time_s: float | None
    size: tuple[int, int]
    objects: tuple[FrameObject, ...]
    events: tuple[RuleEvent, ...] = ()

    @property
    def visible(self) -> tuple[FrameObject, ...]:
        """The objects that are seen on this frame (emerged or tracked) and have a mask."""
        seen = (Status.EMERGED, Status.TRACKED)
        return tuple(item for item in self.objects if item.status in seen and item.segmentation)


def frame_line_from(line: bytes) -> FrameLine:
    """Read a line of `/v1/videos/{id}/results`; fields of later versions are left out.

    Raises:
        ValueError: it is none.
    """
    try:
        fields = json.loads(line)
        height, width = fields["size"]
        objects = tuple(_object_from(item, (height, width)) for item in fields["objects"])
        events = tuple(read_fields(RuleEvent, each, "event") for each in fields.get("events", ()))
        return FrameLine(fields["frame"], fields["time_s"], (height, width), objects, events)
    except (KeyError, TypeError, ValueError, BadMessageError) as error:
        raise ValueError(f"The server sent no line of results: {line[:80]!r}.") from error


def _object_from(item: Mapping[str, Any], size: tuple[int, int]) -> FrameObject:
    x0, y0, x1, y1 = item["box"]
    return FrameObject(
        track_id=item["track_id"],
        class_id=item["class_id"],
        label=item["label"],
        score=item["score"],
        status=Status[item["status"].upper()],
        age=item["age"],
        box=(x0, y0, x1, y1),
        area=item["area"],
        segmentation=item["segmentation"],
        size=size,
    )


async def whole_lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut bytes into lines; what has no newline at the end was cut off and is left out."""
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
