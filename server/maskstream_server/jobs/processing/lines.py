"""Results as text: one JSON line for each frame."""

import json
from collections.abc import Sequence
from typing import Any

from maskstream_model.port import ClassInfo, Crops
from maskstream_protocol.records import Status
from maskstream_protocol.rule_events import RuleEvent
from maskstream_server.jobs.processing.rle import picture_rle
from maskstream_server.session.reporting import ReportedFrame

SCORE_DIGITS = 6


def frame_line(
    index: int,
    time_s: float,
    report: ReportedFrame,
    classes: Sequence[ClassInfo],
    events: Sequence[RuleEvent] = (),
) -> bytes:
    """Return the line of one frame, with its newline.

    `{"frame", "time_s", "size": [h, w], "objects": [{"track_id", "class_id", "label", "score",
    "status", "age", "box": [x0, y0, x1, y1], "area", "segmentation"}]}`: boxes are half open and
    in mask pixels like areas; a segmentation is a compressed COCO RLE of the picture, null
    without a pixel. What each field means is said in docs/protocol.md 3. `events` are there where
    rules have found any (docs/events.md).
    """
    tracks, crops = report.tracks, report.crops
    assert crops is not None
    rows = zip(
        tracks.track_ids.tolist(),
        tracks.labels.tolist(),
        tracks.scores.tolist(),
        tracks.status.tolist(),
        tracks.ages.tolist(),
        strict=True,
    )
    objects = [
        {
            "track_id": track,
            "class_id": label,
            "label": classes[label].name,
            "score": round(score, SCORE_DIGITS),
            "status": Status(status).name.lower(),
            "age": age,
            **_mask_fields(crops, row),
        }
        for row, (track, label, score, status, age) in enumerate(rows)
    ]
    line = {"frame": index, "time_s": time_s, "size": list(crops.size), "objects": objects}
    if events:
        line["events"] = [event.to_json() for event in events]
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _mask_fields(crops: Crops, row: int) -> dict[str, Any]:
    box, bitmap = crops.boxes[row].tolist(), crops.bitmaps[row]
    counts = picture_rle(bitmap, (box[0], box[1]), crops.size) if bitmap.size else None
    rle = {"size": list(crops.size), "counts": counts}
    return {
        "box": box,
        "area": int(crops.areas[row]),
        "segmentation": None if counts is None else rle,
    }
