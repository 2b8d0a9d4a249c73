"""The files that a finished video gives, made from its lines of results in bounded memory."""

import io
import json
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from maskstream_protocol.records import Status
from maskstream_protocol.rle import decode_rle

Lines = Iterable[bytes]
MISSED = Status.MISSED.name.lower()
GONE = Status.DISAPPEARED.name.lower()
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say: the same video gives the same bytes."""
MAX_PIXEL = 65535


@dataclass
class _Track:
    """One track; class and score are those of its latest sighting.

    Attributes:
        masks: frame, offset, length for each mask in the spool.
    """

    class_id: int = 0
    score: float = 0.0
    masks: "array[int]" = field(default_factory=lambda: array("q"))


def write_ytvis(lines: Lines, target: Path) -> None:
    """Write YouTube-VIS results: one entry per track, an RLE or null for each frame.

    `[{"video_id": 1, "track_id", "category_id" (class id + 1), "score", "segmentations"}]`. The
    mask of a missed track is a guess and not part of the result. Masks wait in a temporary file
    for their track's turn, so that memory does not grow with them.
    """
    with tempfile.TemporaryFile(dir=target.parent) as spool, target.open("w") as out:
        tracks, num_frames = _collect(lines, spool)
        out.write("[")
        for number, track_id in enumerate(sorted(tracks)):
            out.write(",\n" if number else "\n")
            _write_entry(out, track_id, tracks[track_id], num_frames, spool)
        out.write("\n]\n")


def _collect(lines: Lines, spool: IO[bytes]) -> tuple[dict[int, _Track], int]:
    tracks: dict[int, _Track] = {}
    num_frames = 0
    for line in lines:
        for item in json.loads(line)["objects"]:
            if item["status"] in (MISSED, GONE):
                continue
            track = tracks.setdefault(item["track_id"], _Track())
            track.class_id, track.score = item["class_id"], item["score"]
            if item["segmentation"] is not None:
                text = json.dumps(item["segmentation"]).encode()
                track.masks.extend((num_frames, spool.tell(), len(text)))
                spool.write(text)
        num_frames += 1
    return tracks, num_frames


def _write_entry(
    out: IO[str], track_id: int, track: _Track, num_frames: int, spool: IO[bytes]
) -> None:
    head = {
        "video_id": 1,
        "track_id": track_id,
        "category_id": track.class_id + 1,
        "score": track.score,
    }
    out.write(json.dumps(head)[:-1] + ', "segmentations": [')
    written = 0
    for frame, offset, length in zip(*(track.masks[start::3] for start in range(3)), strict=True):
        out.write("null, " * (frame - written))
        spool.seek(offset)
        out.write(spool.read(length).decode() + ("" if frame + 1 == num_frames else ", "))
        written = frame + 1
    out.write(", ".join(["null"] * (num_frames - written)) + "]}")


def write_masks(lines: Lines, target: Path) -> None:
    """Write a zip of 16-bit PNGs, `000000.png` and on: pixels are track ids, 0 is nothing.

    Where masks overlap, the better score wins. Missed tracks are left out, as in `write_ytvis`.

    Raises:
        OverflowError: a track id does not fit into 16 bits.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for number, line in enumerate(lines):
            picture = io.BytesIO()
            Image.fromarray(_label_map(json.loads(line))).save(picture, "png")
            out.writestr(zipfile.ZipInfo(f"{number:06d}.png", ZIP_DATE), picture.getbuffer())


def _label_map(frame: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.uint16]]:
    pixels = np.zeros(frame["size"], np.uint16)
    seen = [item for item in frame["objects"] if item["status"] not in (MISSED, GONE)]
    for item in sorted(seen, key=lambda item: (item["score"], -item["track_id"])):
        if item["track_id"] > MAX_PIXEL:
            raise OverflowError(f"track {item['track_id']} does not fit into 16 bits")
        if item["segmentation"] is not None:
            mask = decode_rle(item["segmentation"]["counts"].encode(), *frame["size"])
            pixels[mask] = item["track_id"]
    return pixels


WRITERS: dict[str, Callable[[Lines, Path], None]] = {
    "ytvis.json": write_ytvis,
    "masks.zip": write_masks,
}
"""How each of `options.ARTIFACTS` is made."""
