"""`mots.zip`: the forms of MOTS Challenge, PNG and text, for whom masks may not overlap."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from maskstream_exports.pictures import add_file, add_spool, as_png
from maskstream_exports.video_results import FoundObject, ResultFrame, VideoResults
from maskstream_protocol.rle import encode_rle

IdMap = npt.NDArray[np.uint16]
"""(height, width) of a frame: the id of the object at each pixel, 0 is nothing."""
PER_CLASS: Final = 1000
"""An id is so many times the number of its class, plus the number of the object in its class."""
KNOWN: Final = {"car": 1, "person": 2, "pedestrian": 2}
"""Classes that have a number in MOTS; 10 are regions to ignore."""
FIRST_OTHER: Final = 11
MAX_ID: Final = 65535


def write_mots(results: VideoResults, target: Path) -> None:
    """Write `instances/000001.png` and on, `gt/gt.txt`, `seqinfo.ini` and `classes.json` in a zip.

    Frames count from 1, one for each line of results. Pixels are ids; a line of the text is `frame
    id class height width rle`. Other classes than car and person are numbered from 11 on as they
    come, which `classes.json` says. Where masks overlap, the better score wins.

    Raises:
        OverflowError: an id does not fit into the 16 bits of a pixel.
    """
    ids = _Ids()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out,
        tempfile.TemporaryFile("w+b", dir=target.parent) as text,
    ):
        count = 0
        for count, frame in enumerate(results.frames(), 1):
            pixels = _id_map(frame, ids)
            add_file(out, f"instances/{count:06d}.png", as_png(pixels))
            for line in _text_lines(count, pixels):
                text.write(line.encode())
        add_spool(out, "gt/gt.txt", text)
        add_file(out, "seqinfo.ini", _sequence(results, count))
        add_file(out, "classes.json", json.dumps(ids.classes, indent=1).encode())


class _Ids:
    """Numbers of classes and objects, each given when it first comes.

    Attributes:
        classes: the number of each class by its name.
    """

    def __init__(self) -> None:
        self.classes: dict[str, int] = {}
        self._ids: dict[int, int] = {}
        self._num_objects: dict[int, int] = {}

    def of(self, item: FoundObject) -> int:
        """Return the id of an object; its class stays that of its first sighting."""
        if item.track_id not in self._ids:
            class_number = self._class_number(item.label)
            number = self._num_objects.get(class_number, -1) + 1
            self._num_objects[class_number] = number
            found = PER_CLASS * class_number + number
            if number >= PER_CLASS or found > MAX_ID:
                raise OverflowError(f"track {item.track_id} does not fit into the ids of MOTS")
            self._ids[item.track_id] = found
        return self._ids[item.track_id]

    def _class_number(self, label: str) -> int:
        others = sum(number >= FIRST_OTHER for number in self.classes.values())
        return self.classes.setdefault(label, KNOWN.get(label, FIRST_OTHER + others))


def _id_map(frame: ResultFrame, ids: _Ids) -> IdMap:
    pixels = np.zeros(frame.size, np.uint16)
    numbered = [(item, ids.of(item)) for item in frame.objects]
    for item, found in sorted(numbered, key=lambda each: (each[0].score, -each[0].track_id)):
        pixels[item.mask()] = found
    return pixels


def _text_lines(count: int, pixels: IdMap) -> Iterator[str]:
    height, width = pixels.shape
    for found in np.unique(pixels[pixels > 0]).tolist():
        rle = encode_rle(pixels == found).decode("ascii")
        yield f"{count} {found} {found // PER_CLASS} {height} {width} {rle}\n"


def _sequence(results: VideoResults, count: int) -> bytes:
    """What TrackEval needs to know of a sequence."""
    facts = {
        "name": " ".join(Path(results.name).stem.split()),
        "imDir": "img1",
        "frameRate": f"{results.frame_rate:g}",
        "seqLength": count,
        "imWidth": results.size[1],
        "imHeight": results.size[0],
        "imExt": ".png",
    }
    rows = ["[Sequence]", *(f"{name}={fact}" for name, fact in facts.items())]
    return "".join(f"{row}\n" for row in rows).encode()
