"""RESULT: what was found in one frame: header, object table, mask blob (docs/protocol.md 3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from maskstream_protocol.errors import FrameHeaderError, MalformedResultError
from maskstream_protocol.frames import UNKNOWN_TIME, VERSION, check_header
from maskstream_protocol.records import (
    OBJECT_RECORD,
    MaskCodec,
    ObjectRecord,
    Task,
    decode_objects,
)
from maskstream_protocol.rule_events import RuleEvent, decode_events, encode_events

RESULT_KIND: Final = 0x81
RESULT_HEADER: Final = struct.Struct("<BBHHBBQqIIIIIIHHHHII")
_EVENTS_SPAN: Final = struct.Struct("<II")
"""Offset and length of the events: behind the rest of the header, with flag bit 4."""

_FIRST, _DURABLE, _LAST, _PROVISIONAL, _EVENTS = 1, 2, 4, 8, 16
_FLAGS_OFFSET: Final = 4
_DROPPED_OFFSET: Final = 28


@dataclass(frozen=True)
class Timings:
    """Microseconds that a frame spent in each part of the server."""

    wait_us: int = 0
    decode_us: int = 0
    infer_us: int = 0
    encode_us: int = 0


@dataclass(frozen=True)
class ResultMessage:
    """What was found in one frame.

    Attributes:
        sequence, epoch, pts_us: of the frame.
        mask_size: height and width of the mask grid in pixels.
        dropped: frames dropped since the previous result.
        first_of_epoch, durable, last: the header's flags.
        provisional: a preliminary result; the final one of the frame follows.
        events: what the session's rules have found on the frame.
    """

    sequence: int
    epoch: int
    mask_size: tuple[int, int]
    objects: tuple[ObjectRecord, ...] = ()
    blob: bytes | memoryview = b""
    mask_codec: MaskCodec = MaskCodec.NONE
    task: Task = Task.INSTANCES
    pts_us: int = UNKNOWN_TIME
    dropped: int = 0
    timings: Timings = Timings()
    first_of_epoch: bool = False
    durable: bool = False
    last: bool = False
    provisional: bool = False
    events: tuple[RuleEvent, ...] = ()

    def encode(self) -> bytes:
        """The whole WebSocket message."""
        flags = _FIRST * self.first_of_epoch | _DURABLE * self.durable | _LAST * self.last
        flags |= _PROVISIONAL * self.provisional | _EVENTS * bool(self.events)
        height, width = self.mask_size
        timings = self.timings
        table = b"".join(record.encode() for record in self.objects)
        events = encode_events(self.events)
        header_length = RESULT_HEADER.size + (_EVENTS_SPAN.size if events else 0)
        events_offset = header_length + len(table) + len(self.blob)
        span = _EVENTS_SPAN.pack(events_offset, len(events)) if events else b""
        header = RESULT_HEADER.pack(
            VERSION,
            RESULT_KIND,
            header_length,
            flags,
            self.mask_codec,
            self.task,
            self.sequence,
            self.pts_us,
            self.epoch,
            self.dropped,
            timings.wait_us,
            timings.decode_us,
            timings.infer_us,
            timings.encode_us,
            width,
            height,
            len(self.objects),
            0,
            header_length,
            len(self.blob),
        )
        return b"".join((header, span, table, self.blob, events))


def mark_durable(message: bytes) -> bytes:
    """The same encoded RESULT with its durable flag set (for one whose commit came first)."""
    (flags,) = struct.unpack_from("<H", message, _FLAGS_OFFSET)
    marked = bytearray(message)
    struct.pack_into("<H", marked, _FLAGS_OFFSET, flags | _DURABLE)
    return bytes(marked)


def dropped_before(message: bytes) -> int:
    """How many frames were dropped between an encoded RESULT and the one before it."""
    (dropped,) = struct.unpack_from("<I", message, _DROPPED_OFFSET)
    return int(dropped)


def decode_result(data: bytes) -> ResultMessage:
    """Take a binary message apart; the blob is a view into it.

    Raises:
        MalformedResultError: the bytes are not a RESULT, or contradict themselves.
    """
    try:
        header_length = check_header(data, RESULT_KIND, RESULT_HEADER.size)
    except FrameHeaderError as error:
        raise MalformedResultError(error.message) from error
    values = RESULT_HEADER.unpack_from(data)
    _, _, _, flags, mask_codec, task, sequence, pts_us, epoch, dropped = values[:10]
    width, height, num_objects, _, table_offset, blob_length = values[14:]
    blob_offset = table_offset + num_objects * OBJECT_RECORD.size
    if table_offset < header_length or blob_offset + blob_length > len(data):
        raise MalformedResultError("The object table or the blob does not fit into the message.")
    view = memoryview(data)
    try:
        known_codec, known_task = MaskCodec(mask_codec), Task(task)
    except ValueError as error:
        raise MalformedResultError(
            f"The result has an unknown mask codec or task: {error}."
        ) from error
    result = ResultMessage(
        sequence=sequence,
        epoch=epoch,
        mask_size=(height, width),
        objects=decode_objects(view[table_offset:blob_offset]),
        blob=view[blob_offset : blob_offset + blob_length],
        mask_codec=known_codec,
        task=known_task,
        pts_us=pts_us,
        dropped=dropped,
        timings=Timings(*values[10:14]),
        first_of_epoch=bool(flags & _FIRST),
        durable=bool(flags & _DURABLE),
        last=bool(flags & _LAST),
        provisional=bool(flags & _PROVISIONAL),
        events=_read_events(view, header_length) if flags & _EVENTS else (),
    )
    for record in result.objects:
        _check_mask(record, result.mask_size, blob_length)
    return result


def _read_events(message: memoryview, header_length: int) -> tuple[RuleEvent, ...]:
    if header_length < RESULT_HEADER.size + _EVENTS_SPAN.size:
        raise MalformedResultError("The header is too short to say where the events are.")
    offset, length = _EVENTS_SPAN.unpack_from(message, RESULT_HEADER.size)
    if offset + length > len(message):
        raise MalformedResultError("The events do not fit into the message.")
    return decode_events(bytes(message[offset : offset + length]))


def _check_mask(record: ObjectRecord, mask_size: tuple[int, int], blob_length: int) -> None:
    """A box is inside the picture and a mask inside the blob."""
    x0, y0, x1, y1 = record.mask.box
    height, width = mask_size
    if not (x0 <= x1 <= width and y0 <= y1 <= height):
        raise MalformedResultError(f"The box of track {record.track_id} is not inside the picture.")
    if record.mask.offset + record.mask.length > blob_length:
        raise MalformedResultError(f"The mask of track {record.track_id} is not inside the blob.")
