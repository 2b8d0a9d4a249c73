"""Checks results of a model against the port before use: a family may be third-party code."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Size
from maskstream_model.memory_bounds import beyond_bounds
from maskstream_model.port import Crops, FrameResult, ModelInfo, Rows, TrackStatus, TrackTable

MAX_ID = 2**32 - 1
MAX_LABEL = 2**16 - 1
COLUMNS = ("labels", "scores", "status", "ages", "things", "mentionable")


def check_result(
    result: FrameResult, info: ModelInfo, num_frames: int | None, answered: int
) -> None:
    """Check a result of a step.

    Args:
        result: of the model.
        info: facts of the model.
        num_frames: frames that the session has had; None where that is not known.
        answered: last frame that has its final result.

    Raises:
        ValueError: it violates the port.
    """
    where = f"frame {result.index}"
    given = result.index >= 1 and (num_frames is None or result.index <= num_frames)
    _require(given, f"a result of {where}, of {num_frames} frames")
    _require(result.index > answered, f"a result of {where} after the final one of {answered}")
    has_names = info.classes is not None and info.prompts == "never"
    num_labels = len(info.classes or ()) if has_names else MAX_LABEL + 1
    _check_table(result.tracks, num_labels, where)


def check_committed(committed: int, num_frames: int | None) -> int:
    """Return the last committed frame; ValueError if the session has not had it."""
    holds = committed >= 0 and (num_frames is None or committed <= num_frames)
    _require(holds, f"{committed} as the last committed of {num_frames} frames")
    return committed


def check_crops(crops: Crops, rows: Rows, size: Size) -> Crops:
    """Return the masks of some rows; ValueError where they are not of that size."""
    _require(crops.size == size, f"masks of size {crops.size}, not {size}")
    counts = {len(rows), len(crops.boxes), len(crops.areas), len(crops.bitmaps)}
    counts |= set() if crops.logits is None else {len(crops.logits)}
    _require(len(counts) == 1, f"masks of another number than the {len(rows)} rows asked for")
    height, width = size
    for (x0, y0, x1, y1), bitmap in zip(crops.boxes.tolist(), crops.bitmaps, strict=True):
        box = f"({x0}, {y0}, {x1}, {y1})"
        inside = 0 <= x0 <= x1 <= width and 0 <= y0 <= y1 <= height
        _require(inside, f"a mask with the box {box} in {width}x{height} pixels")
        fits = bitmap.shape == (y1 - y0, x1 - x0)
        _require(fits, f"a mask of shape {bitmap.shape} in the box {box}")
    return crops


def check_parts(parts: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return a memory; ValueError where it is not bytes by name, or too many or too large."""
    wrong = [name for name, blob in parts.items() if not isinstance(blob, bytes)]
    _require(not wrong, f"a part {wrong[:1]} that is not bytes")
    beyond = beyond_bounds(parts)
    _require(beyond is None, f"{beyond}")
    return parts


def _check_table(table: TrackTable, num_labels: int, where: str) -> None:
    count = len(table.track_ids)
    for name in COLUMNS:
        shape = getattr(table, name).shape
        _require(shape == (count,), f"{name} of shape {shape} for {count} tracks on {where}")
    ids, labels, scores = table.track_ids, table.labels, table.scores
    _require(len(set(ids.tolist())) == count, f"a track twice on {where}")
    _require(_between(ids, 1, MAX_ID), f"a track id below 1 or above {MAX_ID} on {where}")
    _require(_between(labels, 0, num_labels - 1), f"a label of no class on {where}")
    _require(_between(scores, 0, 1), f"a score that is not between 0 and 1 on {where}")
    statuses = _between(table.status, min(TrackStatus), max(TrackStatus))
    _require(statuses, f"an unknown status on {where}")
    _require(_between(table.ages, 1, MAX_ID), f"an age below 1 on {where}")


def _between(column: npt.NDArray[np.int64] | npt.NDArray[np.float32], low: int, high: int) -> bool:
    """Return whether all values are in a range; NaN is in none."""
    return bool(((column >= low) & (column <= high)).all())


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"the model gave {what}")
