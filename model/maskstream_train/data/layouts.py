"""Where the folders of published data sets keep their files."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from maskstream_model.errors import DatasetError

PICTURES = ("JPEGImages", "images", "imgs", "")
"""Folders of pictures, tried in this order; the last is the folder itself."""

SEGMENTS = ("panomasksRGB", "panomasks_RGB")
"""Folders of pictures of segment ids."""

SAMPLE = 100
"""Pictures looked for in a folder; that all of them are there is checked later."""

SPLIT = re.compile(r"(train|valid|val|test)(\d*)")
SYNONYMS = {"val": "valid", "valid": "val"}


def annotation_file(path: Path, word: str) -> Path:
    """Return the file of annotations of a data set.

    Args:
        path: the file itself, or a folder: with one JSON file in it or in its `annotations`, or of
            one split, whose file beside it has the folder's name in its own.
        word: of several files, one with this in its name is meant.

    Raises:
        DatasetError: there is none, or not only one.
    """
    if path.is_file():
        return path
    beside = [file for file in path.parent.glob("*.json") if path.name and path.name in file.stem]
    for files in (path.glob("*.json"), (path / "annotations").glob("*.json"), beside):
        found = sorted(files)
        if len(found) > 1:
            found = [file for file in found if word in file.name.lower()] or found
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(file.name for file in found)
            raise DatasetError(
                f"{path} should hold one annotation file, it has {names}; name the file"
            )
    if not path.exists():
        raise DatasetError(f"there is no file or folder {path}")
    raise DatasetError(f"{path} should hold one annotation file, it has none; name the file")


def picture_folder(file: Path, first_names: Sequence[str]) -> Path:
    """Return the folder that names of pictures are relative to.

    Args:
        file: of annotations.
        first_names: one picture of each video; the folder has one of the first at least.

    Raises:
        DatasetError: it is in none of the places known.
    """
    for folder in places(file, PICTURES):
        if any((folder / name).exists() for name in first_names[:SAMPLE]):
            return folder
    tried = ", ".join(name for name in PICTURES if name)
    raise DatasetError(
        f"the pictures of {file} are not beside it, nor in {tried} there or in its split's folder"
    )


def segment_folder(file: Path) -> Path:
    """Return the folder of pictures of segment ids.

    Raises:
        DatasetError: it is in none of the places known.
    """
    for folder in places(file, SEGMENTS):
        if folder.is_dir():
            return folder
    raise DatasetError(f"the segments of {file} are not in {SEGMENTS[0]} beside it")


def places(file: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield folders called `names` beside a file, one floor up, and in folders of its split.

    `annotations/instances_train2017.json` belongs to `train2017`, `annotations_valid.json` to
    `valid`, `instances_val_sub.json` to `val`.
    """
    splits = [""]
    for word, number in SPLIT.findall(file.stem):
        splits += [word + number, word, SYNONYMS.get(word, word)]
    for root in (file.parent, file.parent.parent):
        for split in splits:
            for name in names:
                yield root / split / name
