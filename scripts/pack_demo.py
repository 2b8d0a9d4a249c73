"""Pack the real pictures that `demo` learns from into one file.

    label.py LABELS.json FOLDER...       # the teacher, once, in a separate environment
    python scripts/pack_demo.py --shared SHARED --frames FRAMES --labels LABELS --out demo.zip

FRAMES holds frames of the clips, `05/00000.jpg`; LABELS the teacher's files. Prints what the model
card says of the sources, and counts.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from maskstream_model.classes import EVERYDAY
from maskstream_train.data.packed import PackedPicture
from maskstream_train.data.packing.sources import clips, cutouts, frame_of, stills
from maskstream_train.data.packing.teacher import read_labels
from maskstream_train.data.packing.writing import fitting, write_pack
from maskstream_train.data.reading import read_json

STRIDES = {"davis": 4, "davis2": 2}
"""Every how many frames of a sequence one is packed."""


def pictures_of(shared: Path, frames: Path, labels: Path) -> list[PackedPicture]:
    """Return all pictures of all sources with their objects."""
    classes = EVERYDAY.split()
    taught = read_labels(sorted(labels.glob("*.json")))
    found = list(stills(shared / "coco_free", taught, classes))
    names = read_json(shared / "cutouts" / "classes.json")
    for folder, stride in STRIDES.items():
        shots = cutouts(shared / "cutouts" / folder, stride, taught, names)
        found += [frame_of(shot, classes) for shot in shots]
    found += [frame_of(shot, classes) for shot in clips(frames, taught)]
    return [picture for picture in found if picture.objects or picture.complete]


def summary(pictures: list[PackedPicture]) -> dict[str, object]:
    """Return counts of pictures by source and license, and of objects by class."""
    classes = EVERYDAY.split()
    things = [thing for picture in pictures for thing in picture.objects]
    return {
        "pictures": Counter(f"{one.source} ({one.license})" for one in pictures),
        "complete": sum(one.complete for one in pictures),
        "by people": Counter(classes[thing.label] for thing in things if thing.exact),
        "by the teacher": Counter(classes[thing.label] for thing in things if not thing.exact),
    }


def main() -> None:
    """Read, join, fit, write, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("shared", "frames", "labels", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--max-mb", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    pictures = pictures_of(given.shared, given.frames, given.labels)
    kept = fitting(pictures, int(given.max_mb * 1e6), given.seed)
    write_pack(given.out, kept, EVERYDAY.split())
    counts = {**summary(kept), "left out": len(pictures) - len(kept)}
    print(json.dumps(counts | {"bytes": given.out.stat().st_size}, indent=2))


if __name__ == "__main__":
    main()
