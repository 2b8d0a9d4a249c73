"""Law 6 for masks: what was encoded is what decodes, in every codec."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.masks import ENCODINGS, decode_mask, mask_codec, needs_logits
from maskstream_protocol.messages import MASK_FORMATS
from maskstream_protocol.polygons import decode_rings, encode_rings, trace_edges
from maskstream_protocol.records import NO_MASK, MaskCodec, MaskSpan, ObjectRecord, Status
from maskstream_protocol.results import ResultMessage, decode_result
from maskstream_protocol.rle import decode_rle, encode_rle
from protocol.strategies import mask_stacks
from support.masks import encode_masks
from support.raised import error_of

EXACT = [MaskCodec.RLE, MaskCodec.BITS, MaskCodec.POLYGONS]
LABEL_MAPS = [MaskCodec.LABELMAP8, MaskCodec.LABELMAP16]

RING = [
    "#######",
    "#.....#",
    "#.###.#",
    "#.#.#.#",
    "#.###.#",
    "#.....#",
    "#######",
]
CHECKERS = ["#.#.#", ".#.#.", "#.#.#"]
LINE = [".....", "#####", "....."]
DOT = ["...", ".#.", "..."]


def drawn(rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def sent(masks, codec, logits=None):
    """The result as it arrives at the other side."""
    encoded = encode_masks(masks, codec, logits=logits)
    objects = [
        ObjectRecord(row + 1, 0, 0, 1, Status.TRACKED, mask=span)
        for row, span in enumerate(encoded.spans)
    ]
    result = ResultMessage(
        sequence=1,
        epoch=1,
        mask_size=masks.shape[1:],
        objects=tuple(objects),
        blob=encoded.blob,
        mask_codec=encoded.codec,
    )
    return decode_result(result.encode())


def arrived(masks, codec, logits=None):
    result = sent(masks, codec, logits)
    decoded = [decode_mask(result, record) for record in result.objects]
    return np.array(decoded, bool).reshape(masks.shape)


@pytest.mark.parametrize("codec", EXACT)
@given(masks=mask_stacks())
@settings(deadline=None)
def test_masks_decode_to_what_was_encoded(codec, masks):
    assert np.array_equal(arrived(masks, codec), masks)


@pytest.mark.parametrize("codec", LABEL_MAPS)
@given(data=st.data())
@settings(deadline=None)
def test_a_label_map_shows_the_mask_of_the_larger_logit(codec, data):
    masks = data.draw(mask_stacks())
    logits = data.draw(hnp.arrays(np.float32, masks.shape, elements=st.floats(-8, 8, width=16)))
    front = np.where(masks, logits, -np.inf).argmax(axis=0) if len(masks) else 0
    wanted = masks & (front == np.arange(len(masks))[:, None, None])
    assert np.array_equal(arrived(masks, codec, logits), wanted)


@pytest.mark.parametrize("codec", EXACT)
@pytest.mark.parametrize(
    "rows", [RING, CHECKERS, LINE, DOT], ids=["ring", "checkers", "line", "dot"]
)
def test_holes_islands_corners_and_thin_lines_survive(codec, rows):
    masks = drawn(rows)[None]
    assert np.array_equal(arrived(masks, codec), masks)


@pytest.mark.parametrize("shape", [RING, CHECKERS, LINE, DOT])
def test_rings_along_the_edges_of_pixels_enclose_exactly_the_mask(shape):
    mask = drawn(shape)
    inside = np.zeros(mask.shape, bool)
    for ring in trace_edges(mask):
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            assert (x0 == x1) != (y0 == y1)
            if x0 == x1:  # every pixel right of a vertical edge changes sides
                inside[min(y0, y1) : max(y0, y1), x0:] ^= True
    np.testing.assert_array_equal(inside, mask)


def test_a_ring_along_edges_goes_clockwise_around_the_mask_and_back_around_a_hole():
    areas = []
    for ring in trace_edges(drawn(RING)):
        (x, y), (after_x, after_y) = ring.T, np.roll(ring, -1, axis=0).T
        areas.append((x * after_y - after_x * y).sum() // 2)
    assert areas == [49, -25, 9, -1]


def test_every_border_is_a_ring_and_the_outer_one_comes_first():
    result = sent(drawn(RING)[None], MaskCodec.POLYGONS)
    rings = decode_rings(result.blob)
    assert rings[0].tolist() == [[0, 0], [6, 0], [6, 6], [0, 6]]
    assert len(rings) == 4  # outer border, hole, border of the island, its hole


@given(mask_stacks())
@settings(deadline=None)
def test_boxes_are_tight_and_areas_are_counted(masks):
    encoded = encode_masks(masks, MaskCodec.RLE)
    for mask, span in zip(masks, encoded.spans, strict=True):
        rows, columns = np.nonzero(mask)
        if len(rows) == 0:
            assert span == NO_MASK
        else:
            assert span.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert span.area == len(rows)


@pytest.mark.parametrize("codec", MaskCodec)
def test_a_mask_without_a_pixel_is_no_mask(codec):
    masks = np.zeros((2, 3, 4), bool)
    result = sent(masks, codec, np.zeros(masks.shape))
    assert [record.mask for record in result.objects] == [NO_MASK, NO_MASK]


def test_no_masks_are_sent_where_none_were_asked_for():
    result = sent(np.ones((1, 3, 4), bool), MaskCodec.NONE)
    assert (result.objects[0].mask, len(result.blob)) == (NO_MASK, 0)


def test_a_label_map_cannot_be_made_without_logits():
    with pytest.raises(ValueError, match="logits"):
        encode_masks(np.ones((1, 2, 2), bool), MaskCodec.LABELMAP8)


def test_one_table_holds_all_that_a_hello_may_ask_for():
    assert {encoding.name for encoding in ENCODINGS.values()} == set(MASK_FORMATS)
    assert set(ENCODINGS) == set(MaskCodec)
    assert [name for name in MASK_FORMATS if needs_logits(name)] == ["labelmap"]


@pytest.mark.parametrize(
    ("masks", "num_objects", "codec"),
    [
        ("rle", 3, MaskCodec.RLE),
        ("none", 3, MaskCodec.NONE),
        ("labelmap", 255, MaskCodec.LABELMAP8),
        ("labelmap", 256, MaskCodec.LABELMAP16),
    ],
)
def test_a_label_map_grows_to_16_bits_with_the_object_table(masks, num_objects, codec):
    assert mask_codec(masks, num_objects) is codec


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@given(mask_stacks())
@settings(deadline=None)
def test_run_lengths_are_those_of_pycocotools(masks):
    for mask in masks:
        height, width = mask.shape
        runs = {"size": [height, width], "counts": encode_rle(mask)}
        assert np.array_equal(coco.decode(runs), decode_rle(runs["counts"], height, width))


def test_long_runs_take_several_characters_and_signs():
    mask = np.zeros((400, 500), bool)
    mask[::7, 3:480] = True
    mask[100:300, 200:210] = True
    assert np.array_equal(decode_rle(encode_rle(mask), 400, 500), mask)


def one_object(codec, blob, box=(0, 0, 3, 2)):
    record = ObjectRecord(1, 0, 0, 1, Status.TRACKED, mask=MaskSpan(box, 0, len(blob), 1))
    return ResultMessage(
        sequence=1, epoch=1, mask_size=(4, 5), objects=(record,), blob=blob, mask_codec=codec
    )


@pytest.mark.parametrize("codec", [codec for codec in MaskCodec if codec])
@given(blob=st.binary(max_size=24))
@settings(deadline=None)
def test_any_bytes_are_a_mask_or_a_malformed_result(codec, blob):
    result = one_object(codec, blob)
    error = error_of(MalformedResultError, decode_mask, result, result.objects[0])
    if error is None:
        assert decode_mask(result, result.objects[0]).shape == (4, 5)
    else:
        assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("codec", "blob"),
    [
        (MaskCodec.RLE, b""),
        (MaskCodec.RLE, b"P"),
        (MaskCodec.RLE, b"7"),
        (MaskCodec.RLE, b"o" * 30 + b"1"),
        (MaskCodec.BITS, b"\x78"),
        (MaskCodec.POLYGONS, b"\x01\x00"),
        (MaskCodec.POLYGONS, b"\x00\x00\x00"),
        (MaskCodec.POLYGONS, b"\x01\x00\x01\x00\x03\x00\x00\x00"),
        (MaskCodec.POLYGONS, b"\x01\x00\x01\x00\xff\xff\x00\x00"),
        (MaskCodec.POLYGONS, b"\x01\x00\x00\x00"),
    ],
)
def test_bytes_that_are_no_mask_of_this_size_are_refused(codec, blob):
    result = one_object(codec, blob)
    with pytest.raises(MalformedResultError):
        decode_mask(result, result.objects[0])


@pytest.mark.parametrize("codec", [MaskCodec.BITS, *LABEL_MAPS])
def test_a_compressed_bomb_is_refused_without_being_inflated(codec):
    result = one_object(codec, zlib.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedResultError, match=r"does not have the \d+ bytes"):
            decode_mask(result, result.objects[0])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_run_lengths_whose_sum_overflows_are_refused():
    huge = rle_of([0, 1 << 58, *[1 << 58] * 63, 20])
    with pytest.raises(MalformedResultError, match="do not make up"):
        decode_rle(huge, 4, 5)


def rle_of(counts):
    """The run-length string of any counts, also of those that no mask has."""
    text = bytearray()
    for place, count in enumerate(counts):
        value = count - (counts[place - 2] if place > 2 else 0)
        while True:
            code, value = value & 0x1F, value >> 5
            more = value != (-1 if code & 0x10 else 0)
            text.append(48 + (code | (0x20 if more else 0)))
            if not more:
                break
    return bytes(text)


def test_polygons_of_noise_keep_what_their_counters_can_count():
    dots = [np.array([[each % 300, each // 300]]) for each in range(65_540)]
    assert len(decode_rings(encode_rings(dots))) == 65_535
    points = np.stack([np.arange(65_540) % 30_000, np.arange(65_540) % 2], axis=1)
    (ring,) = decode_rings(encode_rings([points]))
    assert np.array_equal(ring, points[::2])
