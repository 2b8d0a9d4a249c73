"""`masks.zip`: a picture of track ids for each frame."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_server.jobs.artifacts.material import Lines, in_picture, seen
from maskstream_server.jobs.artifacts.pictures import add_file, as_png

MAX_PIXEL = 65535


def write_masks(lines: Lines, target: Path) -> None:
    """Write a zip of 16-bit PNGs, `000000.png` and on: pixels are track ids, 0 is nothing.

    Names are the numbers of frames.

    Where masks overlap, the better score wins. Missed tracks are left out, as in `write_ytvis`.

    Raises:
        OverflowError: a track id does not fit into 16 bits.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for line in lines:
            frame = json.loads(line)
            add_file(out, f"{frame['frame']:06d}.png", as_png(_label_map(frame)))


def _label_map(frame: dict[str, Any]) -> npt.NDArray[np.uint16]:
    pixels = np.zeros(frame["size"], np.uint16)
    for item in sorted(seen(frame), key=lambda item: (item["score"], -item["track_id"])):
        if item["track_id"] > MAX_PIXEL:
            raise OverflowError(f"track {item['track_id']} does not fit into 16 bits")
        if item["segmentation"] is not None:
            pixels[in_picture(item)] = item["track_id"]
    return pixels
