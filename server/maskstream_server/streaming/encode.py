"""What the engine found to a RESULT message: the object table, and masks as crops."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from maskstream_protocol.masks import Crops, EncodedMasks, encode_crops, mask_codec, mask_size
from maskstream_protocol.messages import MaskFormat
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
from maskstream_server.engine.types import EngineResult
from maskstream_server.session.actions import Encode


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
    encoded = _masks(result, mask_codec(form.masks, len(result.track_ids)))
    took_us = round(1e6 * (perf_counter() - began_s))
    return ResultMessage(
        sequence=frame.sequence,
        epoch=frame.epoch,
        mask_size=mask_size(work.size, form.mask_scale),
        objects=_objects(result, encoded.spans, form.things),
        blob=encoded.blob,
        mask_codec=encoded.codec,
        task=form.task,
        pts_us=frame.pts_us,
        timings=replace(timings, encode_us=timings.encode_us + took_us),
        last=frame.last,
    )


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


def _masks(result: EngineResult[Any], codec: MaskCodec) -> EncodedMasks:
    masks = result.masks
    if masks is None:
        return EncodedMasks(codec, b"", (NO_MASK,) * len(result.track_ids))
    boxes: list[Box] = [tuple(box) for box in masks.boxes.tolist()]
    return encode_crops(Crops(masks.size, boxes, masks.crops, masks.logits), codec)
