"""`fiftyone.zip`: a data set of one video, as FiftyOne's `FiftyOneVideoLabelsDataset`."""

import base64
import io
import json
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_exports.pictures import add_file, add_spool
from maskstream_exports.video_results import FoundObject, ResultFrame, VideoResults


def write_fiftyone(results: VideoResults, target: Path) -> None:
    """Write `manifest.json` and `labels/STEM.json` in a zip; the video belongs into `data/`.

    STEM is the name of the video without its suffix. Objects have their class as `label`, their
    score as `confidence`, their track id as `index`, and the mask inside their box. Frames count
    from 1.
    """
    stem = Path(results.name).stem
    index = [{"data": f"data/{results.name}", "labels": f"labels/{stem}.json"}]
    manifest = {
        "type": "eta.core.datasets.LabeledVideoDataset",
        "description": f"Results of Maskstream on {results.name}",
        "index": index,
    }
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out,
        tempfile.TemporaryFile("w+b", dir=target.parent) as spool,
    ):
        spool.write(b'{"frames": {')
        for place, frame in enumerate(results.frames()):
            text = f'"{frame.number + 1}": {json.dumps(_labels(frame))}'
            spool.write((",\n" if place else "\n").encode() + text.encode())
        spool.write(b"\n}}\n")
        add_file(out, "manifest.json", json.dumps(manifest, indent=1).encode())
        add_spool(out, index[0]["labels"], spool)


def _labels(frame: ResultFrame) -> dict[str, Any]:
    objects = [_object(frame, item) for item in frame.objects]
    return {"frame_number": frame.number + 1, "objects": {"objects": objects}}


def _object(frame: ResultFrame, item: FoundObject) -> dict[str, Any]:
    x0, y0, x1, y1 = item.box
    height, width = frame.size
    array = io.BytesIO()
    np.save(array, item.crop())
    return {
        "label": item.label,
        "index": item.track_id,
        "confidence": item.score,
        "bounding_box": {
            "top_left": {"x": x0 / width, "y": y0 / height},
            "bottom_right": {"x": x1 / width, "y": y1 / height},
        },
        "mask": base64.b64encode(zlib.compress(array.getvalue())).decode("ascii"),
    }
