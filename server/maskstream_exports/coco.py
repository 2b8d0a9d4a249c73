"""`coco.json`: COCO's object detection form, one picture for each frame."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskstream_exports.video_results import FoundObject, ResultClass, ResultFrame, VideoResults


def write_coco(results: VideoResults, target: Path) -> None:
    """Write pictures, annotations and categories, as pycocotools reads them.

    Pictures are named `000000.png` and on by their number in the video, and have `frame` and
    `time_s`; their id is the number plus 1. Annotations have compressed run lengths in pixels of
    the frame, and beside COCO's fields `score` and `track_id`. Categories are class ids plus 1.
    """
    with target.open("w") as out, tempfile.TemporaryFile("w+", dir=target.parent) as spool:
        out.write('{"images": [')
        num_annotations = 0
        for place, frame in enumerate(results.frames()):
            out.write((",\n" if place else "\n") + json.dumps(_picture(frame)))
            for item in frame.objects:
                num_annotations += 1
                text = json.dumps(_annotation(num_annotations, frame, item))
                spool.write((",\n" if num_annotations > 1 else "\n") + text)
        out.write('\n], "annotations": [')
        spool.seek(0)
        shutil.copyfileobj(spool, out)
        out.write(f'\n], "categories": {json.dumps(_categories(results.classes))}}}\n')


def _picture(frame: ResultFrame) -> dict[str, Any]:
    height, width = frame.size
    return {
        "id": frame.number + 1,
        "file_name": frame.file_name,
        "width": width,
        "height": height,
        "frame": frame.number,
        "time_s": frame.time_s,
    }


def _annotation(number: int, frame: ResultFrame, item: FoundObject) -> dict[str, Any]:
    x0, y0, x1, y1 = item.box
    return {
        "id": number,
        "image_id": frame.number + 1,
        "category_id": item.class_id + 1,
        "segmentation": item.rle(),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": item.area(),
        "iscrowd": 0,
        "score": item.score,
        "track_id": item.track_id,
    }


def _categories(classes: Sequence[ResultClass]) -> list[dict[str, Any]]:
    return [
        {"id": number, "name": each.name, "supercategory": "thing" if each.thing else "stuff"}
        for number, each in enumerate(classes, 1)
    ]
