"""`label-studio.json`: a task of Label Studio for each frame, with masks as predictions."""

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from maskstream_exports.video_results import FoundObject, ResultFrame, VideoResults
from maskstream_protocol.rle import BoolMask

CHANNELS: Final = 4
"""Label Studio paints red, green, blue and how opaque each pixel is."""
RUN_BITS: Final = (4, 8, 12, 16)
"""How many bits the length of a run may have."""
SET: Final = 255


def write_label_studio(results: VideoResults, target: Path) -> None:
    """Write tasks for the labelling setup `<BrushLabels name="label" toName="image">`.

    The picture of a task is `/data/local-files/?d=STEM/000000.png`, with the name of the video
    without its suffix as STEM: Label Studio's address of local files. `meta` has the track id.
    """
    folder = Path(results.name).stem
    with target.open("w") as out:
        out.write("[")
        for place, frame in enumerate(results.frames()):
            out.write((",\n" if place else "\n") + json.dumps(_task(frame, folder)))
        out.write("\n]\n")


def _task(frame: ResultFrame, folder: str) -> dict[str, Any]:
    place = quote(f"{folder}/{frame.file_name}")
    result = [_region(frame, item) for item in frame.objects]
    return {
        "data": {
            "image": f"/data/local-files/?d={place}",
            "frame": frame.number,
            "time_s": frame.time_s,
        },
        "predictions": [{"model_version": "maskstream", "result": result}],
    }


def _region(frame: ResultFrame, item: FoundObject) -> dict[str, Any]:
    height, width = frame.size
    return {
        "id": f"track-{item.track_id}",
        "type": "brushlabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": brush_rle(item.mask()), "brushlabels": [item.label]},
        "score": item.score,
        "meta": {"track_id": item.track_id},
    }


def brush_rle(mask: BoolMask) -> list[int]:
    """Return the bytes of Label Studio's run lengths (`rle-pack`) of a mask `(height, width)`.

    A stream of bits, the high ones first: how many values (32 bits), bits of a value less 1 (5),
    four widths of lengths less 1 (4 each); then for each run 1, which width (2 bits), its length
    less 1, and its value. Values are the channels of each pixel, row by row.
    """
    pixels = mask.ravel()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(pixels)) + 1))
    lengths = CHANNELS * np.diff(np.append(starts, pixels.size))
    bits = [f"{CHANNELS * pixels.size:032b}{8 - 1:05b}"]
    bits += [f"{width - 1:04b}" for width in RUN_BITS]
    for length, value in zip(lengths.tolist(), pixels[starts].tolist(), strict=True):
        bits.append(_run(length, SET * value))
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def _run(length: int, value: int) -> str:
    """Return the bits of a run, in pieces where it is longer than a length may be."""
    most = 1 << RUN_BITS[-1]
    if length > most:
        return _run(most, value) * (length // most) + _run(length % most, value)
    if length == 0:
        return ""
    which = next(place for place, width in enumerate(RUN_BITS) if length <= 1 << width)
    return f"1{which:02b}{length - 1:0{RUN_BITS[which]}b}{value:08b}"
