"""Results as text: one JSON line for each frame."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pycocotools import mask as coco

from maskstream_model.config import ClassInfo
from maskstream_protocol.records import Status
from maskstream_server.engine.types import EngineResult, MaskCrops
from maskstream_server.jobs.processing.rle import picture_rle

SCORE_DIGITS = 6


def frame_line(
    index: int, time_s: float, result: EngineResult[Any], classes: Sequence[ClassInfo]
) -> bytes:
    """Return the line of one frame, with its newline.

    `{"frame", "time_s", "size": [h, w], "objects": [{"track_id", "class_id", "label", "score",
    "status", "age", "box": [x0, y0, x1, y1], "area", "segmentation"}]}`: boxes are half open and
    in mask pixels like areas; a segmentation is a compressed COCO RLE of the picture, null
    without a pixel. What each field means is said in protocol.md section 3.
    """
    masks = result.masks
    assert masks is not None
    rows = zip(
        result.track_ids.tolist(),
        result.labels.tolist(),
        result.scores.tolist(),
        result.status.tolist(),
        result.ages.tolist(),
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
            **_mask_fields(masks, row),
        }
        for row, (track, label, score, status, age) in enumerate(rows)
    ]
    return _as_line(index, time_s, masks.size, objects)


def _as_line(
    index: int, time_s: float, size: tuple[int, int], objects: list[dict[str, Any]]
) -> bytes:
    line = {"frame": index, "time_s": time_s, "size": list(size), "objects": objects}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _mask_fields(masks: MaskCrops, row: int) -> dict[str, Any]:
    box, crop = masks.boxes[row].tolist(), masks.crops[row]
    counts = picture_rle(crop, (box[0], box[1]), masks.size) if crop.size else None
    rle = {"size": list(masks.size), "counts": counts}
    return {
        "box": box,
        "area": int(masks.areas[row]),
        "segmentation": None if counts is None else rle,
    }


@dataclass(frozen=True)
class RefinedObject:
    """An object of a frame that was refined; without a pixel on it, `mask` is None."""

    track_id: int
    label: int
    score: float
    status: Status
    age: int
    mask: Mapping[str, Any] | None


def refined_line(
    index: int,
    time_s: float,
    size: tuple[int, int],
    objects: Sequence[RefinedObject],
    classes: Sequence[ClassInfo],
) -> bytes:
    """Return the line of one frame that was refined; see `frame_line`."""
    told = [
        {
            "track_id": item.track_id,
            "class_id": item.label,
            "label": classes[item.label].name,
            "score": round(item.score, SCORE_DIGITS),
            "status": item.status.name.lower(),
            "age": item.age,
            **_rle_fields(item.mask),
        }
        for item in objects
    ]
    return _as_line(index, time_s, size, told)


def _rle_fields(mask: Mapping[str, Any] | None) -> dict[str, Any]:
    if mask is None:
        return {"box": [0, 0, 0, 0], "area": 0, "segmentation": None}
    left, top, width, height = (round(value) for value in coco.toBbox(mask).tolist())
    return {
        "box": [left, top, left + width, top + height],
        "area": int(coco.area(mask)),
        "segmentation": mask,
    }
