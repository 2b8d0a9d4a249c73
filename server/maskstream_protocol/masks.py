"""Masks to bytes in every encoding of the protocol (protocol.md section 3).

Boxes come first, so that only crops are looked at: a mask costs what its box costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.bitmaps import encode_bits, encode_label_map, label_map
from maskstream_protocol.messages import MaskFormat
from maskstream_protocol.polygons import encode_rings, trace_rings
from maskstream_protocol.records import NO_MASK, Box, MaskCodec, MaskSpan
from maskstream_protocol.rle import encode_rle

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


def mask_size(frame: tuple[int, int], mask_scale: float) -> tuple[int, int]:
    """Height and width in mask pixels: the upright frame's times `mask_scale`, rounded up."""
    return ceil(frame[0] * mask_scale), ceil(frame[1] * mask_scale)


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
    boxes = mask_boxes(masks) if boxes is None else boxes
    crops = _crop_each(masks, boxes)
    windows = None if logits is None else _crop_each(logits, boxes)
    height, width = masks.shape[1:]
    return encode_crops(crops, boxes, codec, (height, width), windows)


def _crop_each(maps: NDArray[Any], boxes: Sequence[Box]) -> list[NDArray[Any]]:
    return [each[y0:y1, x0:x1] for each, (x0, y0, x1, y1) in zip(maps, boxes, strict=True)]


def encode_crops(
    crops: Sequence[NDArray[np.bool_]],
    boxes: Sequence[Box],
    codec: MaskCodec,
    size: tuple[int, int],
    logits: Sequence[NDArray[Any]] | None = None,
) -> EncodedMasks:
    """Encode masks that are cropped to their boxes already.

    Args:
        crops: (y1 - y0, x1 - x0), one for each row of the object table.
        boxes: tight; all 0 for a mask without a pixel.
        codec: see `mask_codec`.
        size: height and width of the frame in mask pixels.
        logits: mask logits, cropped likewise; label maps need them to decide what is in front.

    Raises:
        ValueError: a label map without logits.
    """
    if codec is MaskCodec.NONE:
        return EncodedMasks(codec, b"", (NO_MASK,) * len(crops))
    if codec in LABEL_BITS:
        if logits is None:
            raise ValueError("A label map needs mask logits.")
        blob = encode_label_map(label_map(size, boxes, crops, logits), LABEL_BITS[codec])
        parts = [b""] * len(crops)
    else:
        encode = _CROP_ENCODERS[codec]
        parts = [
            encode(crop, box) if crop.size else b"" for crop, box in zip(crops, boxes, strict=True)
        ]
        blob = b"".join(parts)
    return EncodedMasks(codec, blob, _spans(crops, boxes, parts))


def _spans(
    crops: Sequence[NDArray[np.bool_]], boxes: Sequence[Box], parts: Sequence[bytes]
) -> tuple[MaskSpan, ...]:
    """Where each part lies in the blob; empty parts lie nowhere."""
    spans: list[MaskSpan] = []
    offset = 0
    for crop, box, part in zip(crops, boxes, parts, strict=True):
        area = int(np.count_nonzero(crop))
        spans.append(MaskSpan(box, offset if part else 0, len(part), area))
        offset += len(part)
    return tuple(spans)


def _encode_polygons(crop: NDArray[np.bool_], box: Box) -> bytes:
    return encode_rings([ring + box[:2] for ring in trace_rings(crop)])


_CROP_ENCODERS: Final[dict[MaskCodec, Callable[[NDArray[np.bool_], Box], bytes]]] = {
    MaskCodec.RLE: lambda crop, box: encode_rle(crop),
    MaskCodec.BITS: lambda crop, box: encode_bits(crop),
    MaskCodec.POLYGONS: _encode_polygons,
}
