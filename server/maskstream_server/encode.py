"""What the engine found to a RESULT message: the object table, and masks as crops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from time import perf_counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from maskstream_protocol.bitmaps import encode_bits, encode_label_map
from maskstream_protocol.masks import LABEL_BITS, mask_codec
from maskstream_protocol.messages import MaskFormat
from maskstream_protocol.polygons import encode_rings, trace_rings
from maskstream_protocol.records import (
    NO_MASK,
    Box,
    MaskCodec,
    MaskSpan,
    ObjectRecord,
    Status,
    Task,
    score_to_u16,
)
from maskstream_protocol.results import ResultMessage
from maskstream_protocol.rle import encode_rle
from maskstream_server.actions import Encode
from maskstream_server.engine_types import EngineResult, MaskCrops

Crop = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ResultFormat:
    """How a client wants its results.

    Attributes:
        masks: encoding of the masks.
        mask_scale: 1, 0.5 or 0.25 of the upright frame.
        task: what the model segments.
        things: for each class whether it is a thing.
    """

    masks: MaskFormat
    mask_scale: float
    task: Task
    things: tuple[bool, ...]


def encode_result(work: Encode, form: ResultFormat) -> ResultMessage:
    """Encode one frame's tracks; blocking, for a worker thread."""
    began_s = perf_counter()
    frame, result, timings = work.frame, work.result, work.timings
    codec = mask_codec(form.masks, len(result.track_ids))
    blob, spans = b"", [NO_MASK] * len(result.track_ids)
    if result.masks is not None and codec is not MaskCodec.NONE:
        blob, spans = _encode_crops(result.masks, codec)
    took_us = round(1e6 * (perf_counter() - began_s))
    return ResultMessage(
        sequence=frame.sequence,
        epoch=frame.epoch,
        mask_size=_mask_size(work.size, form.mask_scale),
        objects=_objects(result, spans, form.things),
        blob=blob,
        mask_codec=codec,
        task=form.task,
        pts_us=frame.pts_us,
        timings=replace(timings, encode_us=timings.encode_us + took_us),
        last=frame.last,
    )


def _mask_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return height and width in mask pixels, rounded up as the protocol says."""
    return ceil(size[0] * scale), ceil(size[1] * scale)


def _objects(
    result: EngineResult[Any], spans: Sequence[MaskSpan], things: Sequence[bool]
) -> tuple[ObjectRecord, ...]:
    rows = zip(
        result.track_ids.tolist(),
        result.labels.tolist(),
        result.scores.tolist(),
        result.ages.tolist(),
        result.status.tolist(),
        spans,
        strict=True,
    )
    return tuple(
        ObjectRecord(track, label, score_to_u16(score), age, Status(status), things[label], span)
        for track, label, score, age, status, span in rows
    )


def _encode_crops(masks: MaskCrops, codec: MaskCodec) -> tuple[bytes, list[MaskSpan]]:
    boxes: list[Box] = [tuple(box) for box in masks.boxes.tolist()]
    areas = masks.areas.tolist()
    if codec in LABEL_BITS:
        spans = [MaskSpan(box, 0, 0, area) for box, area in zip(boxes, areas, strict=True)]
        return encode_label_map(_label_map(masks, boxes), LABEL_BITS[codec]), spans
    encode = _CROP_ENCODERS[codec]
    parts: list[bytes] = []
    spans, offset = [], 0
    for box, area, crop in zip(boxes, areas, masks.crops, strict=True):
        data = encode(crop, box) if area else b""
        spans.append(MaskSpan(box, offset, len(data), area) if area else NO_MASK)
        parts.append(data)
        offset += len(data)
    return b"".join(parts), spans


def _label_map(masks: MaskCrops, boxes: Sequence[Box]) -> npt.NDArray[np.uint16]:
    """Return 1 + row of the mask whose logit is largest, pixel by pixel; 0 for nothing."""
    if masks.logits is None:
        raise ValueError("a label map needs mask logits")
    labels = np.zeros(masks.size, np.uint16)
    best = np.full(masks.size, -np.inf, np.float32)
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        window = (slice(y0, y1), slice(x0, x1))
        if x1 == x0:
            continue
        in_front = masks.crops[row] & (masks.logits[row] > best[window])
        labels[window][in_front] = row + 1
        best[window][in_front] = masks.logits[row][in_front]
    return labels


def _encode_polygons(crop: Crop, box: Box) -> bytes:
    return encode_rings([ring + box[:2] for ring in trace_rings(crop)])


_CROP_ENCODERS: Final[dict[MaskCodec, Callable[[Crop, Box], bytes]]] = {
    MaskCodec.RLE: lambda crop, box: encode_rle(crop),
    MaskCodec.BITS: lambda crop, box: encode_bits(crop),
    MaskCodec.POLYGONS: _encode_polygons,
}
