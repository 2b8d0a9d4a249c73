"""`masks.zip`: a picture of track ids for each frame."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_exports.pictures import add_file, as_png
from maskstream_exports.video_results import VideoResults, grid_mask, seen

MAX_PIXEL = 65535
TRACKS, FACTS = "tracks.json", ("track_id", "class_id", "label", "score")


def write_masks(results: VideoResults, target: Path) -> None:
    """Write a zip of 16-bit PNGs, `000000.png` and on: pixels are track ids, 0 is nothing.

    Names are the numbers of frames; `tracks.json` in the zip says of each id what it is, as on
    its last frame: `[{"track_id", "class_id", "label" (name of the class), "score"}]`.

    Where masks overlap, the better score wins. Missed tracks are left out, as in `write_ytvis`.

    Raises:
        OverflowError: a track id does not fit into 16 bits.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        tracks: dict[int, dict[str, Any]] = {}
        for line in results.lines:
            frame = json.loads(line)
            add_file(out, f"{frame['frame']:06d}.png", as_png(_label_map(frame)))
            for item in seen(frame):
                tracks[item["track_id"]] = {name: item[name] for name in FACTS}
        listed = [tracks[track_id] for track_id in sorted(tracks)]
        add_file(out, TRACKS, json.dumps(listed).encode())


def _label_map(frame: dict[str, Any]) -> npt.NDArray[np.uint16]:
    pixels = np.zeros(frame["size"], np.uint16)
    for item in sorted(seen(frame), key=lambda item: (item["score"], -item["track_id"])):
        if item["track_id"] > MAX_PIXEL:
            raise OverflowError(f"track {item['track_id']} does not fit into 16 bits")
        if item["segmentation"] is not None:
            pixels[grid_mask(item)] = item["track_id"]
    return pixels
