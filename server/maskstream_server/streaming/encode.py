"""What the engine found to a RESULT message: the object table, and masks as crops."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from maskstream_model.port import TrackTable
from maskstream_protocol.masks import EncodedMasks, encode_crops, mask_codec, mask_size
from maskstream_protocol.messages import MaskFormat
from maskstream_protocol.records import (
    NO_MASK,
    MaskCodec,
    MaskSpan,
    ObjectRecord,
    Status,
    Task,
    score_to_u16,
)
from maskstream_protocol.results import ResultMessage
from maskstream_server.events.observation import Seen, observe
from maskstream_server.events.rules import EventRules
from maskstream_server.session.actions import Encode
from maskstream_server.session.reporting import ReportedFrame


@dataclass(frozen=True)
class ResultFormat:
    """The options of a client for its results.

    Attributes:
        mask_scale: 1, 0.5 or 0.25 of the upright frame.
        task: what the model segments.
    """

    masks: MaskFormat
    mask_scale: float
    task: Task


def encode_and_observe(
    work: Encode, form: ResultFormat, rules: EventRules
) -> tuple[ResultMessage, Seen]:
    """Encode one frame's tracks, and measure them for rules; blocking, for a worker thread."""
    report = work.report
    seen = observe(rules, report.tracks, report.crops) if report.final else ()
    return encode_result(work, form), seen


def encode_result(work: Encode, form: ResultFormat) -> ResultMessage:
    """Encode one frame's tracks; blocking, for a worker thread."""
    began_s = perf_counter()
    frame, report, timings = work.frame, work.report, work.timings
    encoded = _masks(report, mask_codec(form.masks, len(report.tracks.track_ids)))
    took_us = round(1e6 * (perf_counter() - began_s))
    return ResultMessage(
        sequence=frame.sequence,
        epoch=frame.epoch,
        mask_size=mask_size(report.size, form.mask_scale),
        objects=_objects(report.tracks, encoded.spans),
        blob=encoded.blob,
        mask_codec=encoded.codec,
        task=form.task,
        pts_us=frame.pts_us,
        timings=replace(timings, encode_us=timings.encode_us + took_us),
        last=frame.last,
        provisional=not report.final,
    )


def _objects(tracks: TrackTable, spans: Sequence[MaskSpan]) -> tuple[ObjectRecord, ...]:
    rows = zip(
        tracks.track_ids.tolist(),
        tracks.labels.tolist(),
        tracks.scores.tolist(),
        tracks.ages.tolist(),
        tracks.status.tolist(),
        tracks.things.tolist(),
        spans,
        strict=True,
    )
    return tuple(
        ObjectRecord(track, label, score_to_u16(score), age, Status(status), thing, span)
        for track, label, score, age, status, thing, span in rows
    )


def _masks(report: ReportedFrame, codec: MaskCodec) -> EncodedMasks:
    if report.crops is None:
        return EncodedMasks(codec, b"", (NO_MASK,) * len(report.tracks.track_ids))
    return encode_crops(report.crops, codec)
