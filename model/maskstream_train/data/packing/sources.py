"""The pictures of each source, with their objects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskstream_model.aliases import Bools
from maskstream_train.data.annotated import AnnotatedVideo
from maskstream_train.data.annotations import read_stills
from maskstream_train.data.packed import PackedPicture
from maskstream_train.data.packing.objects import (
    Marked,
    encoded,
    join,
    split_pair,
    without_strings,
)
from maskstream_train.data.packing.teacher import Taught, TaughtObject, by_majority, key_of
from maskstream_train.data.pictures import read_grey
from maskstream_train.data.reading import read_json
from maskstream_train.data.rle import encode_rle


@dataclass(frozen=True)
class Origin:
    """Origin and license of pictures, for the model card."""

    name: str
    license: str


@dataclass(frozen=True)
class Shot:
    """One frame of a video before the teacher's objects are added; not all of it is annotated."""

    path: Path
    sequence: str
    time: int
    origin: Origin
    marked: Sequence[Marked]
    lessons: Sequence[TaughtObject]
    doubtful: Bools | None


COCO = "COCO 2017"
DAVIS = Origin("DAVIS 2016", "BSD")
CLIPS = {
    "05": Origin("intel-iot-devkit/sample-videos, bottle-detection.mp4", "CC BY 4.0"),
    "06": Origin("intel-iot-devkit/sample-videos, asl_gestures/walk.mkv", "CC BY 4.0"),
    "07": Origin("NASA, nasa_13013.mp4 of pytorch/torchcodec", "US government work"),
    "08": Origin("intel-iot-devkit/sample-videos, preview/people-detection.gif", "CC BY 4.0"),
}


MISTAKEN = frozenset(
    (("camel", "horse"), ("camel", "cow"), ("bmx-trees", "person"), ("bmx-bumps", "person"))
)
"""Names that the teacher gives to wrong things of a sequence beside the marked one, as looked at: a
second camel, painted faces, blurred backs."""
WORN = frozenset(("kite-surf", "paragliding-launch"))
"""Sequences whose mask is a person with clothes, equipment and strings."""


def stills(folder: Path, taught: Taught, classes: Sequence[str]) -> Iterator[PackedPicture]:
    """Yield COCO pictures; `complete: false` ones also get the teacher's trusted objects.

    Raises:
        DatasetError: broken annotations.
    """
    file = folder / "instances.json"
    annotations, content = read_stills(file), read_json(file)
    licenses = {item["id"]: item["name"] for item in content["licenses"]}
    facts = {item["id"]: item for item in content["images"]}
    for video in annotations.videos:
        path, fact = folder / "images" / video.file_names[0], facts[video.id]
        complete = bool(fact["complete"])
        marked, crowd = _annotated(video, annotations.categories)
        lessons = () if complete else taught.get(key_of(path), ())
        objects, doubtful = join(marked, lessons, crowd)
        yield PackedPicture(
            file=str(path),
            height=video.height,
            width=video.width,
            sequence="",
            time=0,
            source=COCO,
            license=licenses[fact["license"]],
            url=fact["flickr_url"] or "",
            complete=complete,
            objects=encoded(objects, classes),
            doubtful=_or_none(doubtful),
        )


def _annotated(video: AnnotatedVideo, names: Mapping[int, str]) -> tuple[list[Marked], Bools]:
    """Return the objects of a picture, and the pixels of its crowds."""
    doubtful = np.zeros((video.height, video.width), dtype=bool)
    marked = []
    for thing, mask in zip(video.objects, video.masks(0), strict=True):
        if thing.crowd:
            doubtful |= mask
        elif mask.any():
            marked.append(Marked(names[thing.category], 1.0, mask, exact=True))
    return marked, doubtful


def cutouts(folder: Path, stride: int, taught: Taught, names: Mapping[str, str]) -> Iterator[Shot]:
    """Yield every `stride`-th frame of DAVIS sequences, with their objects.

    Args:
        folder: one folder for each sequence, pictures with a mask beside each.
        stride: see above.
        taught: predictions of the teacher.
        names: of sequences, such as `person+bicycle`.

    Raises:
        DatasetError: a mask cannot be read.
    """
    for sequence in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(sequence.glob("*.jpg"))[::stride]
        for path, seen in zip(files, _lessons(files, taught), strict=True):
            mask = read_grey(path.with_suffix(".png")) > 0
            marked, doubtful = _named(mask, sequence.name, names[sequence.name], seen)
            lessons = [one for one in seen if (sequence.name, one.name) not in MISTAKEN]
            yield Shot(path, sequence.name, int(path.stem), DAVIS, marked, lessons, doubtful)


def clips(folder: Path, taught: Taught) -> Iterator[Shot]:
    """Yield the frames of clips, `folder/05/00000.jpg`, with the teacher's trusted objects."""
    for number, origin in CLIPS.items():
        files = sorted((folder / number).glob("*.jpg"))
        for path, lessons in zip(files, _lessons(files, taught), strict=True):
            yield Shot(path, f"clip-{number}", int(path.stem), origin, [], lessons, None)


def _lessons(files: Sequence[Path], taught: Taught) -> list[list[TaughtObject]]:
    return by_majority([taught.get(key_of(path), ()) for path in files])


def _named(
    mask: Bools, sequence: str, names: str, lessons: Sequence[TaughtObject]
) -> tuple[list[Marked], Bools | None]:
    """Return the objects of a true mask; pixels of a pair that cannot be split are doubtful."""
    if not mask.any():
        return [], None
    if "+" not in names:
        return [Marked(names, 1.0, mask, exact=True)], None
    parts: Sequence[Marked]
    if sequence in WORN:
        parts = [Marked(names.partition("+")[0], 1.0, without_strings(mask), exact=True)]
    else:
        parts = split_pair(mask, names, lessons) or []
    left = mask.copy()
    for part in parts:
        left &= ~part.mask
    kept = [part for part in parts if part.mask.any()]
    return kept, left if left.any() else None


def frame_of(shot: Shot, classes: Sequence[str]) -> PackedPicture:
    """Return a frame with all its objects."""
    with Image.open(shot.path) as picture:
        width, height = picture.size
    nowhere = np.zeros((height, width), dtype=bool)
    # In doubtful places the teacher's objects are dropped, too.
    barrier = [] if shot.doubtful is None else [Marked("", 1.0, shot.doubtful, exact=True)]
    objects, doubtful = join([*shot.marked, *barrier], shot.lessons, nowhere)
    objects = [thing for thing in objects if thing.name]
    if shot.doubtful is not None:
        doubtful = doubtful | shot.doubtful
    return PackedPicture(
        file=str(shot.path),
        height=height,
        width=width,
        sequence=shot.sequence,
        time=shot.time,
        source=shot.origin.name,
        license=shot.origin.license,
        url="",
        complete=False,
        objects=encoded(objects, classes),
        doubtful=_or_none(doubtful),
    )


def _or_none(mask: Bools) -> dict[str, Any] | None:
    return encode_rle(mask) if mask.any() else None
