"""The byte fixtures of version 1, kept forever: what other implementations rely on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskstream_protocol.frames import FrameMessage, decode_frame
from maskstream_protocol.masks import decode_labels, decode_mask
from maskstream_protocol.records import MaskCodec, MaskSpan, ObjectRecord, Status, Task
from maskstream_protocol.results import ResultMessage, Timings, decode_result
from maskstream_protocol.rule_events import RuleEvent
from support.masks import encode_masks

FIXTURES = json.loads((Path(__file__).parent / "wire-v1.json").read_text())["fixtures"]
FRAMES = [each for each in FIXTURES if each["message"] == "FRAME"]
RESULTS = [each for each in FIXTURES if each["message"] == "RESULT"]
WITH_MASKS = [each for each in RESULTS if any(o["mask"] for o in each["objects"])]


def of_name(fixture):
    return fixture["name"]


def frame_of(fixture):
    fields = fixture["fields"]
    return FrameMessage(
        sequence=fields["sequence"],
        epoch=fields["epoch"],
        codec=fields["codec"],
        payload=bytes.fromhex(fixture["payload_hex"]),
        pts_us=fields["pts_us"],
        width=fields["width"],
        height=fields["height"],
        orientation=fields["orientation"],
        last=bool(fields["flags"] & 1),
        key_frame=bool(fields["flags"] & 2),
        decoder_only=bool(fields["flags"] & 4),
    )


def record_of(fields):
    span = MaskSpan(
        tuple(fields["box"]), fields["mask_offset"], fields["mask_length"], fields["area"]
    )
    return ObjectRecord(
        track_id=fields["track_id"],
        class_id=fields["class_id"],
        score_u16=fields["score_u16"],
        age=fields["age"],
        status=Status(fields["status"]),
        thing=bool(fields["flags"]),
        mask=span,
    )


def result_of(fixture):
    """The message of the fields, its blob taken from the bytes."""
    fields = fixture["fields"]
    message = bytes.fromhex(fixture["hex"])
    blob_at = fields["table_offset"] + 32 * fields["num_objects"]
    return ResultMessage(
        sequence=fields["sequence"],
        epoch=fields["epoch"],
        mask_size=(fields["mask_height"], fields["mask_width"]),
        objects=tuple(record_of(each) for each in fixture["objects"]),
        blob=message[blob_at : blob_at + fields["blob_length"]],
        mask_codec=MaskCodec(fields["mask_codec"]),
        task=Task(fields["task"]),
        pts_us=fields["pts_us"],
        dropped=fields["dropped"],
        timings=Timings(
            fields["wait_us"], fields["decode_us"], fields["infer_us"], fields["encode_us"]
        ),
        first_of_epoch=bool(fields["flags"] & 1),
        durable=bool(fields["flags"] & 2),
        last=bool(fields["flags"] & 4),
        provisional=bool(fields["flags"] & 8),
        events=tuple(RuleEvent(**event) for event in fixture.get("events", ())),
    )


def masks_of(fixture):
    size = (fixture["fields"]["mask_height"], fixture["fields"]["mask_width"])
    rows = [each["mask"] or ["." * size[1]] * size[0] for each in fixture["objects"]]
    return np.array([[[pixel == "#" for pixel in line] for line in mask] for mask in rows])


def in_front(masks):
    """Logits that put a later object before an earlier one."""
    return masks * np.arange(1, len(masks) + 1, dtype=np.float32)[:, None, None]


@pytest.mark.parametrize("fixture", FRAMES, ids=of_name)
def test_a_frame_decodes_to_its_fields(fixture):
    assert decode_frame(bytes.fromhex(fixture["hex"])) == frame_of(fixture)


@pytest.mark.parametrize("fixture", [f for f in FRAMES if f["encode_exact"]], ids=of_name)
def test_a_frame_encodes_to_its_bytes(fixture):
    assert frame_of(fixture).encode().hex() == fixture["hex"]


@pytest.mark.parametrize("fixture", RESULTS, ids=of_name)
def test_a_result_decodes_to_its_fields(fixture):
    assert decode_result(bytes.fromhex(fixture["hex"])) == result_of(fixture)


@pytest.mark.parametrize("fixture", [f for f in RESULTS if f["encode_exact"]], ids=of_name)
def test_a_result_encodes_to_its_bytes(fixture):
    fields, masks = result_of(fixture), masks_of(fixture)
    message = fields
    if len(masks):
        encoded = encode_masks(masks, fields.mask_codec)
        objects = [
            replace(record, mask=span)
            for record, span in zip(fields.objects, encoded.spans, strict=True)
        ]
        message = replace(fields, objects=tuple(objects), blob=encoded.blob)
    assert message.encode().hex() == fixture["hex"]


@pytest.mark.parametrize("fixture", WITH_MASKS, ids=of_name)
def test_masks_decode_to_the_drawn_ones(fixture):
    result, masks = result_of(fixture), masks_of(fixture)
    if "labelmap" in fixture:
        hidden = (in_front(masks).argmax(axis=0) != np.arange(len(masks))[:, None, None]) & masks
        masks = masks & ~hidden
        assert decode_labels(result).tolist() == fixture["labelmap"]
    decoded = [decode_mask(result, record) for record in result.objects]
    assert np.array_equal(decoded, masks)


@pytest.mark.parametrize("fixture", WITH_MASKS, ids=of_name)
def test_masks_encode_to_what_decodes_to_the_fixture(fixture):
    result, masks = result_of(fixture), masks_of(fixture)
    encoded = encode_masks(masks, result.mask_codec, in_front(masks))
    again = replace(
        result,
        blob=encoded.blob,
        objects=tuple(
            replace(record, mask=span)
            for record, span in zip(result.objects, encoded.spans, strict=True)
        ),
    )
    for record, wanted in zip(again.objects, result.objects, strict=True):
        assert np.array_equal(decode_mask(again, record), decode_mask(result, wanted))
        assert (record.mask.box, record.mask.area) == (wanted.mask.box, wanted.mask.area)
