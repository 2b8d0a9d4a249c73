"""Encodes and decodes masks in every encoding of the protocol (docs/protocol.md 3).

Boxes come first, so that only crops are looked at: a mask costs what its box costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any, Final, Protocol

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
from maskstream_protocol.fields import U16_MAX
from maskstream_protocol.messages import MaskFormat
from maskstream_protocol.polygons import decode_rings, encode_rings, fill_rings, trace_rings
from maskstream_protocol.records import NO_MASK, Box, MaskCodec, MaskSpan, ObjectRecord
from maskstream_protocol.results import ResultMessage
from maskstream_protocol.rle import decode_rle, encode_rle

Crop = NDArray[np.bool_]
"""A mask within its box, `(y1 - y0, x1 - x0)`."""
Labels = NDArray[np.unsignedinteger[Any]]
"""`(h, w)`: 1 + row of the object table, 0 for nothing."""


class FrameMasks(Protocol):
    """The masks of one frame, one for each row of the object table."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frame in mask pixels."""

    @property
    def boxes(self) -> NDArray[np.int32]:
        """`(n, 4)` x0, y0, x1, y1, tight; zeros for a mask without a pixel."""

    @property
    def areas(self) -> NDArray[np.int64]:
        """`(n,)` pixels of each mask."""

    @property
    def bitmaps(self) -> Sequence[Crop]:
        """The masks within the boxes."""

    @property
    def logits(self) -> Sequence[NDArray[Any]] | None:
        """Mask logits, cropped likewise: which of two masks is in front."""


@dataclass(frozen=True)
class MaskEncoding:
    """One encoding of masks.

    Attributes:
        name: what a `hello` asks for.
        encode: from the masks of a frame to the bytes of the blob, and those of each row in it.
        decode: from a result and a row with pixels to the mask within its box.
        needs_logits: whether encoding has to know which mask is in front.
        max_objects: most rows of the object table.
    """

    name: MaskFormat
    encode: Callable[[FrameMasks], tuple[bytes, Sequence[bytes]]]
    decode: Callable[[ResultMessage, ObjectRecord], Crop]
    needs_logits: bool = False
    max_objects: int = U16_MAX


@dataclass(frozen=True)
class EncodedMasks:
    """The masks of one frame as they travel.

    Attributes:
        spans: for each row where its mask is; `NO_MASK` for one without a pixel.
    """

    codec: MaskCodec
    blob: bytes
    spans: tuple[MaskSpan, ...]


def mask_codec(name: MaskFormat, num_objects: int) -> MaskCodec:
    """The codec for what a `hello` asked and for so many rows of the object table."""
    return next(
        codec
        for codec, encoding in ENCODINGS.items()
        if encoding.name == name and num_objects <= encoding.max_objects
    )


def needs_logits(name: MaskFormat) -> bool:
    """Whether what a `hello` asked is encoded with logits."""
    return ENCODINGS[mask_codec(name, 0)].needs_logits


def mask_size(frame: tuple[int, int], mask_scale: float) -> tuple[int, int]:
    """Height and width in mask pixels: the upright frame's times `mask_scale`, rounded up."""
    return ceil(frame[0] * mask_scale), ceil(frame[1] * mask_scale)


def encode_crops(crops: FrameMasks, codec: MaskCodec) -> EncodedMasks:
    """Encode the masks of one frame.

    Raises:
        ValueError: a label map without logits.
    """
    if codec is MaskCodec.NONE:
        return EncodedMasks(codec, b"", (NO_MASK,) * len(crops.bitmaps))
    blob, parts = ENCODINGS[codec].encode(crops)
    spans, offset = [], 0
    for box, area, part in zip(_boxes(crops), crops.areas.tolist(), parts, strict=True):
        spans.append(MaskSpan(box, offset if part else 0, len(part), area))
        offset += len(part)
    return EncodedMasks(codec, blob, tuple(spans))


def decode_mask(result: ResultMessage, record: ObjectRecord) -> NDArray[np.bool_]:
    """The (h, w) mask of one object; empty where it has none.

    In a label map only what is in front is left of a mask.

    Raises:
        MalformedResultError: its bytes are not what its codec says.
    """
    mask = np.zeros(result.mask_size, bool)
    x0, y0, x1, y1 = record.mask.box
    if x0 < x1 and y0 < y1:
        mask[y0:y1, x0:x1] = decode_crop(result, record)
    return mask


def decode_crop(result: ResultMessage, record: ObjectRecord) -> Crop:
    """The mask of one object within its box, which must not be empty.

    Raises:
        MalformedResultError: its bytes are not what its codec says.
    """
    return ENCODINGS[result.mask_codec].decode(result, record)


def decode_labels(result: ResultMessage) -> Labels:
    """The label map of a result that has one.

    Raises:
        MalformedResultError: the blob is no label map of this size.
    """
    if result.mask_codec not in _LABEL_BITS:
        raise MalformedResultError(f"A result with {result.mask_codec.name} has no label map.")
    return decode_label_map(result.blob, *result.mask_size, _LABEL_BITS[result.mask_codec])


def _boxes(crops: FrameMasks) -> list[Box]:
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in crops.boxes.tolist()]


def _one_by_one(
    name: MaskFormat,
    encode: Callable[[Crop, Box], bytes],
    decode: Callable[[bytes | memoryview, Box], Crop],
) -> MaskEncoding:
    """An encoding whose blob is the bytes of each mask, one after the other."""

    def encode_all(crops: FrameMasks) -> tuple[bytes, Sequence[bytes]]:
        parts = [
            encode(mask, box) if mask.size else b""
            for mask, box in zip(crops.bitmaps, _boxes(crops), strict=True)
        ]
        return b"".join(parts), parts

    def decode_one(result: ResultMessage, record: ObjectRecord) -> Crop:
        span = record.mask
        return decode(result.blob[span.offset : span.offset + span.length], span.box)

    return MaskEncoding(name, encode_all, decode_one)


def _nothing(result: ResultMessage, record: ObjectRecord) -> Crop:
    x0, y0, x1, y1 = record.mask.box
    return np.zeros((y1 - y0, x1 - x0), bool)


def _encode_labels(num_bits: int, crops: FrameMasks) -> tuple[bytes, Sequence[bytes]]:
    if crops.logits is None:
        raise ValueError("A label map needs mask logits.")
    labels = label_map(crops.size, _boxes(crops), crops.bitmaps, crops.logits)
    return encode_label_map(labels, num_bits), [b""] * len(crops.bitmaps)


def _decode_label(result: ResultMessage, record: ObjectRecord) -> Crop:
    x0, y0, x1, y1 = record.mask.box
    labels = decode_labels(result)[y0:y1, x0:x1]
    return np.asarray(labels == result.objects.index(record) + 1)


def _encode_polygons(mask: Crop, box: Box) -> bytes:
    return encode_rings([ring + box[:2] for ring in trace_rings(mask)])


def _decode_polygons(data: bytes | memoryview, box: Box) -> Crop:
    x0, y0, x1, y1 = box
    size = np.array([x1 - x0, y1 - y0])
    rings = [ring - (x0, y0) for ring in decode_rings(data)]
    if any(len(ring) == 0 or (ring < 0).any() or (ring >= size).any() for ring in rings):
        raise MalformedResultError("A polygon leaves the box of its object.")
    return fill_rings(rings, y1 - y0, x1 - x0)


_LABEL_BITS: Final = {MaskCodec.LABELMAP8: 8, MaskCodec.LABELMAP16: 16}
ENCODINGS: Final[Mapping[MaskCodec, MaskEncoding]] = {
    MaskCodec.RLE: _one_by_one(
        "rle",
        lambda mask, box: encode_rle(mask),
        lambda data, box: decode_rle(data, box[3] - box[1], box[2] - box[0]),
    ),
    MaskCodec.BITS: _one_by_one(
        "bits",
        lambda mask, box: encode_bits(mask),
        lambda data, box: decode_bits(data, box[3] - box[1], box[2] - box[0]),
    ),
    MaskCodec.LABELMAP8: MaskEncoding(
        "labelmap", partial(_encode_labels, 8), _decode_label, True, max_objects=255
    ),
    MaskCodec.LABELMAP16: MaskEncoding(
        "labelmap", partial(_encode_labels, 16), _decode_label, True
    ),
    MaskCodec.POLYGONS: _one_by_one("polygons", _encode_polygons, _decode_polygons),
    MaskCodec.NONE: MaskEncoding("none", lambda crops: (b"", ()), _nothing),
}
"""Every encoding by its number on the wire."""
