"""Masks to bytes and back in every encoding of the protocol (protocol.md section 3).

Boxes come first, so that only crops are looked at: a mask costs what its box costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.bitmaps import (
    decode_bits,
    decode_label_map,
    encode_bits,
    encode_label_map,
    label_map,
)
from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.messages import MaskFormat
from maskstream_protocol.polygons import decode_rings, encode_rings, fill_rings, trace_rings
from maskstream_protocol.records import NO_MASK, Box, MaskCodec, MaskSpan, ObjectRecord
from maskstream_protocol.results import ResultMessage
from maskstream_protocol.rle import decode_rle, encode_rle

Masks = NDArray[np.bool_]
"""(N, h, w): one mask for each row of the object table."""

LABEL_BITS: Final = {MaskCodec.LABELMAP8: 8, MaskCodec.LABELMAP16: 16}
_MAX_LABELS_8: Final = 255


@dataclass(frozen=True)
class EncodedMasks:
    """The masks of one frame as they travel.

    Attributes:
        codec: how they are encoded.
        blob: their bytes.
        spans: for each row where its mask lies; `NO_MASK` for one without a pixel.
    """

    codec: MaskCodec
    blob: bytes
    spans: tuple[MaskSpan, ...]


def mask_codec(masks: MaskFormat, num_objects: int) -> MaskCodec:
    """The codec for what a `hello` asked and for so many rows of the object table."""
    if masks == "labelmap":
        return MaskCodec.LABELMAP8 if num_objects <= _MAX_LABELS_8 else MaskCodec.LABELMAP16
    return MaskCodec[masks.upper()]


def mask_boxes(masks: Masks) -> list[Box]:
    """Tight half-open boxes x0, y0, x1, y1; all 0 for a mask without a pixel."""
    return [_tight_box(mask) for mask in masks]


def _tight_box(mask: NDArray[np.bool_]) -> Box:
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return (0, 0, 0, 0)
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(np.bitwise_or.reduce(mask[y0:y1], axis=0))
    return (int(columns[0]), y0, int(columns[-1]) + 1, y1)


def encode_masks(
    masks: Masks,
    codec: MaskCodec,
    boxes: Sequence[Box] | None = None,
    logits: NDArray[Any] | None = None,
) -> EncodedMasks:
    """Encode the masks of one frame.

    Args:
        masks: (N, h, w), one for each row of the object table.
        codec: see `mask_codec`.
        boxes: the masks' tight boxes where they are known already.
        logits: (N, h, w) mask logits; label maps need them to decide what is in front.

    Raises:
        ValueError: a label map without logits.
    """
    if codec is MaskCodec.NONE:
        return EncodedMasks(codec, b"", (NO_MASK,) * len(masks))
    boxes = mask_boxes(masks) if boxes is None else boxes
    if codec in LABEL_BITS:
        if logits is None:
            raise ValueError("A label map needs mask logits.")
        labels = label_map(masks, boxes, logits)
        spans = tuple(_span(mask, box, 0, 0) for mask, box in zip(masks, boxes, strict=True))
        return EncodedMasks(codec, encode_label_map(labels, LABEL_BITS[codec]), spans)
    return _encode_each(masks, codec, boxes)


def _encode_each(masks: Masks, codec: MaskCodec, boxes: Sequence[Box]) -> EncodedMasks:
    encode = _CROP_ENCODERS[codec]
    parts: list[bytes] = []
    spans: list[MaskSpan] = []
    offset = 0
    for mask, box in zip(masks, boxes, strict=True):
        data = encode(_crop(mask, box), box) if box[2] > box[0] else b""
        spans.append(_span(mask, box, offset if data else 0, len(data)))
        parts.append(data)
        offset += len(data)
    return EncodedMasks(codec, b"".join(parts), tuple(spans))


def _crop(mask: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
    x0, y0, x1, y1 = box
    return mask[y0:y1, x0:x1]


def _span(mask: NDArray[np.bool_], box: Box, offset: int, length: int) -> MaskSpan:
    return MaskSpan(box, offset, length, int(np.count_nonzero(_crop(mask, box))))


def _encode_polygons(crop: NDArray[np.bool_], box: Box) -> bytes:
    return encode_rings([ring + box[:2] for ring in trace_rings(crop)])


_CROP_ENCODERS: Final[dict[MaskCodec, Callable[[NDArray[np.bool_], Box], bytes]]] = {
    MaskCodec.RLE: lambda crop, box: encode_rle(crop),
    MaskCodec.BITS: lambda crop, box: encode_bits(crop),
    MaskCodec.POLYGONS: _encode_polygons,
}


def decode_mask(result: ResultMessage, record: ObjectRecord) -> NDArray[np.bool_]:
    """The (h, w) mask of one object; empty where it has none.

    In a label map only what is in front is left of a mask.

    Raises:
        MalformedResultError: its bytes are not what its codec says.
    """
    mask = np.zeros(result.mask_size, bool)
    x0, y0, x1, y1 = record.mask.box
    if result.mask_codec is MaskCodec.NONE or x0 == x1 or y0 == y1:
        return mask
    mask[y0:y1, x0:x1] = decode_crop(result, record)
    return mask


def decode_crop(result: ResultMessage, record: ObjectRecord) -> NDArray[np.bool_]:
    """The mask of one object within its box, which must not be empty.

    Raises:
        MalformedResultError: its bytes are not what its codec says.
    """
    x0, y0, x1, y1 = record.mask.box
    span = record.mask
    data = result.blob[span.offset : span.offset + span.length]
    if result.mask_codec is MaskCodec.RLE:
        return decode_rle(data, y1 - y0, x1 - x0)
    if result.mask_codec is MaskCodec.BITS:
        return decode_bits(data, y1 - y0, x1 - x0)
    if result.mask_codec is MaskCodec.POLYGONS:
        return _decode_polygons(data, record.mask.box)
    labels = decode_labels(result)[y0:y1, x0:x1]
    return np.asarray(labels == result.objects.index(record) + 1)


def decode_labels(result: ResultMessage) -> NDArray[np.unsignedinteger[Any]]:
    """The (h, w) label map of a result that has one: 1 + row of the object table, 0 for nothing.

    Raises:
        MalformedResultError: the blob is no label map of this size.
    """
    if result.mask_codec not in LABEL_BITS:
        raise MalformedResultError(f"A result with {result.mask_codec.name} has no label map.")
    return decode_label_map(result.blob, *result.mask_size, LABEL_BITS[result.mask_codec])


def _decode_polygons(data: bytes | memoryview, box: Box) -> NDArray[np.bool_]:
    x0, y0, x1, y1 = box
    size = np.array([x1 - x0, y1 - y0])
    rings = [ring - (x0, y0) for ring in decode_rings(data)]
    if any(len(ring) == 0 or (ring < 0).any() or (ring >= size).any() for ring in rings):
        raise MalformedResultError("A polygon leaves the box of its object.")
    return fill_rings(rings, y1 - y0, x1 - x0)
