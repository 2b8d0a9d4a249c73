"""`labelme.zip`: a file of labelme for each frame, to lie beside its picture."""

import base64
import json
import zipfile
from pathlib import Path
from typing import Any

from maskstream_exports.pictures import add_file, as_png
from maskstream_exports.video_results import FoundObject, ResultFrame, VideoResults


def write_labelme(results: VideoResults, target: Path) -> None:
    """Write a zip of `000000.json` and on, by the number of the frame, for pictures of that name.

    Each object is a shape of the type `mask`, whose group is the track id.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for frame in results.frames():
            text = json.dumps(_annotated(frame), indent=1)
            add_file(out, str(Path(frame.file_name).with_suffix(".json")), text.encode())


def _annotated(frame: ResultFrame) -> dict[str, Any]:
    height, width = frame.size
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [_shape(item) for item in frame.objects],
        "imagePath": frame.file_name,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _shape(item: FoundObject) -> dict[str, Any]:
    x0, y0, x1, y1 = item.box
    return {
        "label": item.label,
        "group_id": item.track_id,
        "shape_type": "mask",
        # Both corners are pixels of the mask.
        "points": [[x0, y0], [x1 - 1, y1 - 1]],
        "mask": base64.b64encode(as_png(item.crop())).decode("ascii"),
        "flags": {},
        "description": f"score {item.score:.4f}",
    }
