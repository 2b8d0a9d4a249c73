"""Files of data sets, read with errors that name the file and the entry."""

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from PIL import Image

from maskstream_model.errors import DatasetError

if TYPE_CHECKING:
    from maskstream_model.data.videos import VideoInfo
    from maskstream_model.interface import Frame

Value = TypeVar("Value")
Inputs = ParamSpec("Inputs")

BROKEN_PICTURE = (
    OSError,
    SyntaxError,  # a PNG chunk with a wrong checksum
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are no pictures."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DatasetError: it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read as JSON: {error}") from error


def read_entry(
    where: str, part: Callable[Inputs, Value], *args: Inputs.args, **kwargs: Inputs.kwargs
) -> Value:
    """Return what `part` reads; what it stumbles over becomes one sentence that names `where`."""
    try:
        return part(*args, **kwargs)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DatasetError(f"{where} is not as it should be: {error!r}") from error


def read_list(path: Path, content: Any, name: str) -> list[Any]:
    """Return the list `name` of a file's content.

    Raises:
        DatasetError: it has none, so that the file is of another form.
    """
    items = content.get(name) if isinstance(content, Mapping) else None
    if not isinstance(items, list):
        raise DatasetError(f"{path} has no list of {name}, so it is not of the form asked for")
    return items


def entry_name(kind: str, item: Any, index: int) -> str:
    """Return what to call an entry: its id where it has one, else its place, and its video's."""
    if not isinstance(item, Mapping):
        return f"{kind} at place {index}"
    owner = next((f"video {item[key]}, " for key in ("video_id", "image_id") if key in item), "")
    return owner + (f"{kind} {item['id']}" if "id" in item else f"{kind} at place {index}")


def check_once(path: Path, kind: str, ids: Iterable[int | str]) -> None:
    """Check that no id is there twice.

    Raises:
        DatasetError: one is.
    """
    seen: set[int | str] = set()
    for number in ids:
        if number in seen:
            raise DatasetError(f"{path}: {kind} {number} is listed twice")
        seen.add(number)


def read_picture(path: Path, size: tuple[int, int] | None = None) -> "Frame":
    """Read a picture as RGB `(height, width, 3)`.

    Args:
        path: of the picture.
        size: `(height, width)` that it must have; any where left out.

    Raises:
        DatasetError: it cannot be read, or is of another size.
    """
    try:
        with Image.open(path) as picture:
            found = (picture.height, picture.width)
            if size is not None and found != size:
                raise DatasetError(f"{path} is {found}, it should be {size} (height, width)")
            return np.array(picture.convert("RGB"))
    except BROKEN_PICTURE as error:
        raise DatasetError(f"{path} cannot be read as a picture: {error}") from error


def read_frame(video: "VideoInfo", number: int) -> "Frame":
    """Read one frame of a video as RGB `(height, width, 3)`.

    Raises:
        DatasetError: the picture is missing, broken, or of another size than the video.
    """
    return read_picture(video.pictures[number], (video.height, video.width))


def check_pictures(videos: Iterable["VideoInfo"]) -> None:
    """Check that every frame of `videos` is a file; folders are listed once, nothing is opened.

    Raises:
        DatasetError: one is missing.
    """
    folders: dict[Path, set[str]] = {}
    for video in videos:
        for path in video.pictures:
            if path.parent not in folders:
                found = path.parent.is_dir()
                folders[path.parent] = set(os.listdir(path.parent)) if found else set()
            if path.name not in folders[path.parent]:
                raise DatasetError(f"video {video.id} lacks its frame {path}")
