"""Checks of annotations before training; errors and notes are sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from maskstream_model.errors import DatasetError
from maskstream_model.model_folders import MAX_NAME
from maskstream_train.data.annotated import AnnotatedObject, AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.classes import plain_name
from maskstream_train.data.pictures import opened_picture, read_picture
from maskstream_train.data.rle import decode_columns
from maskstream_train.data.ytvis import InstanceReader

MAX_FILE_BYTES = 1 << 30
MAX_PIXELS = 50_000_000
"""Limit of a picture."""
MAX_READ = 1000
"""Pictures that are decoded; of further ones only the header is read."""
MAX_DECODED = 20_000
"""Largest number of masks that are decoded."""

NOT_TAKEN = {
    ".xml": 'is no JSON; of CVAT, "Export task dataset" has "COCO 1.0" beside its own forms',
    ".zip": "is an archive: unpack it, and name the annotations in it",
}
"""What is said of other files that tools for annotation export, by their ending."""


def check_file(path: Path) -> None:
    """Check that a file can be one of annotations, and is not too large to be read.

    Raises:
        DatasetError: it cannot, or it is.
    """
    if reason := NOT_TAKEN.get(path.suffix.lower()):
        raise DatasetError(f"{path} {reason}")
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise DatasetError(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB; annotations of at most "
            f"{MAX_FILE_BYTES / 1e9:.1f} GB are read here"
        )


def check_annotations(file: Path, annotations: AnnotatedVideos) -> list[str]:
    """Check a file without its pictures.

    Returns:
        notes on what is left out of training, or is unusual.

    Raises:
        DatasetError: there is nothing to learn, or a class or picture is invalid.
    """
    _check_classes(file, annotations)
    _check_sizes(file, annotations.videos)
    things = [thing for video in annotations.videos for thing in video.objects]
    if not things:
        raise DatasetError(f"{file} has no annotations: there is nothing to learn from")
    empty = list(_empty(annotations))
    taught = Counter(thing.category for thing in things if not thing.crowd)
    taught.subtract(thing.category for thing in empty if not thing.crowd)
    if taught.total() < 1:
        raise DatasetError(f"{file} has no mask to learn from: all are empty, or mark crowds")
    return [*_on_empty(empty), *_on_crowds(things), *_on_classes(annotations, taught)]


def check_pictures_open(reader: InstanceReader) -> None:
    """Read the pictures of a data set, of a large one only the headers of the rest.

    Raises:
        DatasetError: one cannot be read, or has another size than its annotation says.
    """
    videos = reader.videos
    places = ((path, (video.height, video.width)) for video in videos for path in video.pictures)
    for path, size in islice(places, MAX_READ):
        read_picture(path, size)
    for path, size in places:
        with opened_picture(path, size):
            pass


def _check_classes(file: Path, annotations: AnnotatedVideos) -> None:
    if not annotations.categories:
        raise DatasetError(f"{file} lists no categories")
    seen: dict[str, str] = {}
    for number, name in sorted(annotations.categories.items()):
        if not name.strip() or not name.isprintable():
            raise DatasetError(f"{file}: category {number} has no printable name: {name!r}")
        if len(name) > MAX_NAME:
            raise DatasetError(
                f"{file}: the name of category {number} is longer than {MAX_NAME} characters"
            )
        other = seen.setdefault(plain_name(name), name)
        if other is not name:
            raise DatasetError(f"{file}: two categories have the name {name!r}")


def _check_sizes(file: Path, videos: Sequence[AnnotatedVideo]) -> None:
    for video in videos:
        if video.height * video.width > MAX_PIXELS:
            raise DatasetError(
                f"{file}: {video.file_names[0]} is {video.width}x{video.height}; pictures of at "
                f"most {MAX_PIXELS // 1_000_000} million pixels are read here: make it smaller"
            )


def _empty(annotations: AnnotatedVideos) -> Iterator[AnnotatedObject]:
    """Yield objects without a visible pixel on any frame; of very many, only obvious ones."""
    masks = 0
    for video in annotations.videos:
        for thing in video.objects:
            given = [part for part in thing.segmentations if part]
            masks += len(given)
            # One frame after the other: all of a long video would not fit in memory.
            if not any(masks > MAX_DECODED or _has_pixels(part, thing, video) for part in given):
                yield thing


def _has_pixels(segmentation: Any, thing: AnnotatedObject, video: AnnotatedVideo) -> bool:
    entries = [thing.entry]
    return bool(decode_columns([segmentation], video.height, video.width, entries).any())


def _on_empty(empty: Sequence[AnnotatedObject]) -> Iterator[str]:
    if empty:
        yield f"Empty masks are left out: {len(empty)}, the first is {empty[0].entry}."


def _on_crowds(things: Sequence[AnnotatedObject]) -> Iterator[str]:
    if crowds := [thing for thing in things if thing.crowd]:
        yield (
            f"Annotations with iscrowd=1 are no single objects and are left out: {len(crowds)}, "
            f"the first is {crowds[0].entry}."
        )


def _on_classes(annotations: AnnotatedVideos, taught: Counter[int]) -> Iterator[str]:
    for number, name in sorted(annotations.categories.items()):
        if taught[number] < 1:
            yield f"The class {name!r} has no mask: the model cannot learn it."
    bare = sum(not video.objects for video in annotations.videos)
    if bare:
        yield f"Pictures or videos without an annotation are left out: {bare}."
