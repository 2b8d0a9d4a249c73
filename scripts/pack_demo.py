"""Pack the real pictures that `demo` learns from into one file, in three steps.

    python scripts/pack_demo.py frames --shared SHARED --frames FRAMES
    python SHARED/teacher/label.py LABELS/00.json PICTURE...
    python scripts/pack_demo.py pack --shared SHARED --frames FRAMES --labels LABELS --out demo.zip

The first writes frames of the clips, `05/00000.jpg`. The second is the teacher, once for every
picture of FRAMES, `SHARED/cutouts` and `SHARED/coco_free/images`, some forty at a time (a file for
each), in a separate environment: numpy, pillow, onnxruntime, ai-edge-litert and pycocotools. It
took 14 minutes on two busy cores. The third joins all and prints what the model card says of the
sources, and counts.
"""

import argparse
import json
from collections import Counter
from contextlib import closing
from pathlib import Path

from PIL import Image

from maskstream_media.choice import choose_video
from maskstream_media.decoding import Damage
from maskstream_media.frames import shown_frames
from maskstream_media.opening import NamelessFile, open_container
from maskstream_model.classes import EVERYDAY
from maskstream_train.data.packed import PackedPicture
from maskstream_train.data.packing.sources import clips, cutouts, frame_of, stills
from maskstream_train.data.packing.teacher import read_labels
from maskstream_train.data.packing.writing import fitting, write_pack
from maskstream_train.data.reading import read_json

STRIDES = {"davis": 4, "davis2": 2}
"""Every how many frames of a sequence one is packed."""
CLIP_STRIDES = {
    "05_bottles_hand_h264_1189f.mp4": 8,
    "06_sign_person_fullrange.mkv": 4,
    "07_nasa_multistream.mp4": 6,
    "08_people_preview.gif": 2,
}
LONGER_SIDE = 448
JPEG_QUALITY = 90


def extract(clip: Path, stride: int, folder: Path) -> int:
    """Write every `stride`-th frame of a clip as `folder/00000.jpg`; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    with (
        closing(NamelessFile(str(clip))) as file,
        open_container(file) as container,
    ):
        shown = shown_frames(container, choose_video(container), Damage(), None)
        for index, frame in enumerate(shown):
            if index % stride:
                continue
            picture = Image.fromarray(frame.pixels())
            picture.thumbnail((LONGER_SIDE, LONGER_SIDE))
            picture.save(folder / f"{index:05d}.jpg", quality=JPEG_QUALITY)
            number += 1
    return number


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


def frames(given: argparse.Namespace) -> None:
    """Write the frames of the clips."""
    for name, stride in CLIP_STRIDES.items():
        number, _, _ = name.partition("_")
        count = extract(given.shared / "clips" / name, stride, given.frames / number)
        print(f"{name}: {count} frames")


def pack(given: argparse.Namespace) -> None:
    """Read, join, fit, write, count."""
    pictures = pictures_of(given.shared, given.frames, given.labels)
    kept = fitting(pictures, int(given.max_mb * 1e6), given.seed)
    write_pack(given.out, kept, EVERYDAY.split())
    counts = {**summary(kept), "left out": len(pictures) - len(kept)}
    print(json.dumps(counts | {"bytes": given.out.stat().st_size}, indent=2))


def main() -> None:
    """Run the step that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(required=True, metavar="STEP")
    first = steps.add_parser("frames", help="write the frames of the clips")
    last = steps.add_parser("pack", help="join all in one file")
    for step, act in ((first, frames), (last, pack)):
        step.set_defaults(act=act)
        for name in ("shared", "frames"):
            step.add_argument(f"--{name}", type=Path, required=True)
    for name in ("labels", "out"):
        last.add_argument(f"--{name}", type=Path, required=True)
    last.add_argument("--max-mb", type=float, default=60.0)
    last.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.act(given)


if __name__ == "__main__":
    main()
