"""`panoptic.zip`: panoptic results in the form of VIPSeg."""

import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_exports.pictures import add_file, add_spool, as_png
from maskstream_exports.video_results import ResultClass, VideoResults, grid_mask

RESULTS = "pred.json"


def write_panoptic(results: VideoResults, target: Path) -> None:
    """Write a zip of `pan_pred/000000.png` and on, and `pred.json`.

    A pixel is the id of its segment, `R + 256 G + 65536 B`, 0 for none; categories are class ids
    plus 1. `pred.json` is `{"annotations": [{"video_id": 1, "annotations": [{"file_name",
    "segments_info": [{"id", "category_id", "isthing", "iscrowd", "area", "bbox"}]}]}],
    "categories": [{"id", "name", "isthing"}]}`.
    """
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out,
        tempfile.TemporaryFile("w+b", dir=target.parent) as spool,
    ):
        spool.write(b'{"annotations": [{"video_id": 1, "annotations": [')
        for number, line in enumerate(results.lines):
            frame = json.loads(line)
            name = f"{frame['frame']:06d}.png"
            # Missed segments too: they have won these pixels from others.
            shown = [item for item in frame["objects"] if item["segmentation"] is not None]
            add_file(out, f"pan_pred/{name}", as_png(_picture(frame["size"], shown)))
            listed = [_segment(item, results.classes) for item in shown]
            text = json.dumps({"file_name": name, "segments_info": listed})
            spool.write((",\n" if number else "\n").encode() + text.encode())
        spool.write(
            b'\n]}], "categories": ' + json.dumps(_categories(results.classes)).encode() + b"}\n"
        )
        add_spool(out, RESULTS, spool)


def _picture(size: Sequence[int], shown: Sequence[dict[str, Any]]) -> npt.NDArray[np.uint8]:
    ids = np.zeros(tuple(size), np.uint32)
    for item in shown:
        ids[grid_mask(item)] = item["track_id"]
    return np.ascontiguousarray(ids.astype("<u4").view(np.uint8).reshape(*size, 4)[..., :3])


def _segment(item: dict[str, Any], classes: Sequence[ResultClass]) -> dict[str, Any]:
    x0, y0, x1, y1 = item["box"]
    return {
        "id": item["track_id"],
        "category_id": item["class_id"] + 1,
        "isthing": int(classes[item["class_id"]].thing),
        "iscrowd": 0,
        "area": item["area"],
        "bbox": [x0, y0, x1 - x0, y1 - y0],
    }


def _categories(classes: Sequence[ResultClass]) -> list[dict[str, Any]]:
    return [
        {"id": index + 1, "name": info.name, "isthing": int(info.thing)}
        for index, info in enumerate(classes)
    ]
