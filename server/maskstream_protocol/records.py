"""The object table of a RESULT: one 32-byte record per track (protocol.md section 3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.fields import U16_MAX

OBJECT_RECORD: Final = struct.Struct("<IHHHHHHIIIHBB")
_THING = 1


class MaskCodec(IntEnum):
    """How the masks of a result are encoded."""

    NONE = 0
    RLE = 1
    BITS = 2
    LABELMAP8 = 3
    LABELMAP16 = 4
    POLYGONS = 5


class Task(IntEnum):
    """What the model segments."""

    INSTANCES = 0
    PANOPTIC = 1
    SEMANTIC = 2


class Status(IntEnum):
    """Where a track is in its life on this frame."""

    EMERGED = 0
    TRACKED = 1
    MISSED = 2
    DISAPPEARED = 3


Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class MaskSpan:
    """Where a mask is in the picture and in the blob; all zero where there is no mask.

    Attributes:
        box: x0, y0, x1, y1 in mask pixels, tight and half open.
        offset, length: its bytes in the blob; both 0 for label maps.
        area: in mask pixels.
    """

    box: Box = (0, 0, 0, 0)
    offset: int = 0
    length: int = 0
    area: int = 0


NO_MASK: Final = MaskSpan()


@dataclass(frozen=True)
class ObjectRecord:
    """One row of the object table.

    Attributes:
        track_id: from 1, never used twice in an epoch.
        class_id: index into the model's class list.
        score_u16: score x 65535.
        age: frames since birth, 1 at birth (saturates at 65535 when encoded).
    """

    track_id: int
    class_id: int
    score_u16: int
    age: int
    status: Status
    thing: bool = True
    mask: MaskSpan = NO_MASK

    @property
    def score(self) -> float:
        """The score, 0 to 1."""
        return self.score_u16 / U16_MAX

    def encode(self) -> bytes:
        """Its 32 bytes."""
        mask = self.mask
        return OBJECT_RECORD.pack(
            self.track_id,
            self.class_id,
            self.score_u16,
            *mask.box,
            mask.offset,
            mask.length,
            mask.area,
            min(self.age, U16_MAX),
            self.status,
            _THING * self.thing,
        )


def decode_objects(table: memoryview) -> tuple[ObjectRecord, ...]:
    """Take an object table apart.

    Raises:
        MalformedResultError: a record has a status that this version does not know.
    """
    return tuple(_decode_record(values) for values in OBJECT_RECORD.iter_unpack(table))


def _decode_record(values: tuple[int, ...]) -> ObjectRecord:
    track_id, class_id, score, x0, y0, x1, y1, offset, length, area, age, status, flags = values
    try:
        known_status = Status(status)
    except ValueError as error:
        raise MalformedResultError(f"Track {track_id} has the unknown status {status}.") from error
    return ObjectRecord(
        track_id=track_id,
        class_id=class_id,
        score_u16=score,
        age=age,
        status=known_status,
        thing=bool(flags & _THING),
        mask=MaskSpan((x0, y0, x1, y1), offset, length, area),
    )


def score_to_u16(score: float) -> int:
    """A score of 0 to 1 as it travels; values beyond are clipped."""
    return round(min(max(score, 0.0), 1.0) * U16_MAX)
