"""The masks of a RESULT as arrays, in every encoding of the protocol (protocol.md section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.bitmaps import decode_bits, decode_label_map
from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.masks import LABEL_BITS
from maskstream_protocol.polygons import decode_rings, fill_rings
from maskstream_protocol.records import Box, MaskCodec, ObjectRecord
from maskstream_protocol.results import ResultMessage
from maskstream_protocol.rle import decode_rle


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
