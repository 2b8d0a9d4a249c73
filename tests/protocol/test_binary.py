"""FRAME and RESULT: round trips of every field, and bytes that are neither."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskstream_protocol.errors import FrameHeaderError, MalformedResultError
from maskstream_protocol.frames import FrameMessage, decode_frame
from maskstream_protocol.records import MaskCodec, MaskSpan, ObjectRecord, Status, Task
from maskstream_protocol.records import score_to_u16 as to_u16
from maskstream_protocol.results import ResultMessage, Timings, decode_result, mark_durable
from protocol.strategies import frames, i64, u16, u32, u64
from support.raised import error_of

FRAME = FrameMessage(sequence=3, epoch=1, codec=0, payload=b"picture").encode()
RECORD = ObjectRecord(
    track_id=4, class_id=2, score_u16=9, age=1, status=Status.TRACKED, mask=MaskSpan((0, 0, 1, 1))
)
RESULT = ResultMessage(sequence=3, epoch=1, mask_size=(4, 6), objects=(RECORD,), blob=b"abc")


@st.composite
def results(draw):
    height, width = draw(u16), draw(u16)
    blob = draw(st.binary(max_size=30))

    def interval(limit):
        return st.tuples(st.integers(0, limit), st.integers(0, limit)).map(sorted)

    @st.composite
    def spans(draw):
        (x0, x1), (y0, y1) = draw(interval(width)), draw(interval(height))
        offset, end = draw(interval(len(blob)))
        return MaskSpan((x0, y0, x1, y1), offset, end - offset, draw(u32))

    records = st.builds(
        ObjectRecord,
        track_id=u32,
        class_id=u16,
        score_u16=u16,
        age=u16,
        status=st.sampled_from(Status),
        thing=st.booleans(),
        mask=spans(),
    )
    return ResultMessage(
        sequence=draw(u64),
        epoch=draw(u32),
        mask_size=(height, width),
        objects=tuple(draw(st.lists(records, max_size=4))),
        blob=blob,
        mask_codec=draw(st.sampled_from(MaskCodec)),
        task=draw(st.sampled_from(Task)),
        pts_us=draw(i64),
        dropped=draw(u32),
        timings=Timings(*draw(st.tuples(u32, u32, u32, u32))),
        first_of_epoch=draw(st.booleans()),
        durable=draw(st.booleans()),
        last=draw(st.booleans()),
        provisional=draw(st.booleans()),
    )


@given(frames)
@settings(deadline=None)
def test_a_frame_decodes_to_what_was_encoded(frame):
    message = frame.encode()
    assert decode_frame(message) == frame
    assert frame.num_bytes == len(message)


@given(results())
@settings(deadline=None)
def test_a_result_decodes_to_what_was_encoded(result):
    assert decode_result(result.encode()) == result


@given(results())
@settings(deadline=None, max_examples=20)
def test_marking_a_result_durable_changes_nothing_else(result):
    assert decode_result(mark_durable(result.encode())) == replace(result, durable=True)


def test_a_longer_header_of_a_later_version_is_skipped():
    longer = RESULT.encode()[:64] + b"later!!!" + RESULT.encode()[64:]
    patched = bytearray(longer)
    struct.pack_into("<H", patched, 2, 72)
    struct.pack_into("<I", patched, 56, 72)
    assert decode_result(bytes(patched)) == RESULT


def changed(message, offset, form, value):
    patched = bytearray(message)
    struct.pack_into(form, patched, offset, value)
    return bytes(patched)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        FRAME[:31],
        changed(FRAME, 0, "B", 2),
        changed(FRAME, 1, "B", 0x81),
        changed(FRAME, 2, "<H", 31),
        changed(FRAME, 2, "<H", len(FRAME) + 1),
    ],
    ids=["empty", "short", "version", "kind", "short header", "long header"],
)
def test_bytes_that_are_no_frame_are_refused(data):
    with pytest.raises(FrameHeaderError, match=r"\.$"):
        decode_frame(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        RESULT.encode()[:63],
        RESULT.encode()[:-1],
        changed(RESULT.encode(), 0, "B", 9),
        changed(RESULT.encode(), 1, "B", 1),
        changed(RESULT.encode(), 6, "B", 6),
        changed(RESULT.encode(), 7, "B", 3),
        changed(RESULT.encode(), 52, "<H", 2),
        changed(RESULT.encode(), 56, "<I", 63),
        changed(RESULT.encode(), 56, "<I", 2**32 - 1),
        changed(RESULT.encode(), 60, "<I", 4),
        changed(RESULT.encode(), 64 + 30, "B", 4),
        changed(RESULT.encode(), 64 + 12, "<H", 7),
        changed(RESULT.encode(), 64 + 8, "<H", 2),
        changed(RESULT.encode(), 64 + 16, "<I", 4),
        changed(RESULT.encode(), 64 + 20, "<I", 4),
    ],
)
def test_bytes_that_contradict_themselves_are_no_result(data):
    with pytest.raises(MalformedResultError, match=r"\.$"):
        decode_result(data)


@given(st.binary(max_size=120))
@settings(deadline=None)
def test_any_bytes_are_a_frame_or_a_frame_header_error(data):
    for prefix in (b"", b"\x01\x01\x20\x00"):
        error = error_of(FrameHeaderError, decode_frame, prefix + data)
        assert error is None or error.message.endswith(".")


def test_an_age_beyond_its_field_saturates():
    old = replace(RECORD, age=70_000)
    assert decode_result(replace(RESULT, objects=(old,)).encode()).objects[0].age == 65_535


def test_scores_travel_as_parts_of_65535_and_are_clipped():
    assert [to_u16(score) for score in (-0.5, 0, 0.5, 1, 2)] == [0, 0, 32768, 65535, 65535]
    assert replace(RECORD, score_u16=65535).score == 1.0
