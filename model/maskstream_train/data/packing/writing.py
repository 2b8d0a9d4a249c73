"""Writes the file of packed pictures: equal inputs give equal bytes."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.packed import INDEX, PackedPicture

DATE = (1980, 1, 1, 0, 0, 0)
"""Time of every entry, so that the file does not depend on when it was written."""


def weight_of(picture: PackedPicture) -> int:
    """Return about how many bytes a picture takes in the file."""
    return Path(picture.file).stat().st_size + len(json.dumps(picture.as_json())) // 2 + 200


def fitting(pictures: Sequence[PackedPicture], max_bytes: int, seed: int) -> list[PackedPicture]:
    """Leave out random frames of videos until the rest fits; order is kept.

    Raises:
        DatasetError: the stills alone are too large.
    """
    weights = [weight_of(picture) for picture in pictures]
    kept, total = set(range(len(pictures))), sum(weights)
    for number in np.random.default_rng(seed).permutation(len(pictures)):
        if total <= max_bytes:
            break
        if pictures[number].sequence:
            kept.remove(int(number))
            total -= weights[number]
    if total > max_bytes:
        raise DatasetError(f"{total} bytes of still pictures are more than {max_bytes}")
    return [pictures[number] for number in sorted(kept)]


def write_pack(path: Path, pictures: Sequence[PackedPicture], classes: Sequence[str]) -> None:
    """Write the file; JPEGs are taken over byte by byte.

    Raises:
        DatasetError: a picture is missing.
    """
    ordered = sorted(pictures, key=lambda one: (one.sequence, one.time, Path(one.file).name))
    listed = []
    partial = path.with_suffix(".part")
    with zipfile.ZipFile(partial, "w") as file:
        for number, picture in enumerate(ordered):
            name = f"pictures/{number:05d}.jpg"
            try:
                file.writestr(zipfile.ZipInfo(name, DATE), Path(picture.file).read_bytes())
            except OSError as error:
                raise DatasetError(f"{picture.file} cannot be read: {error}") from error
            listed.append(replace(picture, file=name).as_json())
        index = json.dumps({"classes": list(classes), "pictures": listed}, sort_keys=True)
        entry = zipfile.ZipInfo(INDEX, DATE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(entry, index)
    partial.replace(path)
