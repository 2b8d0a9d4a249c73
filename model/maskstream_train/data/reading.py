"""JSON files of data sets, read with errors that name the file and the entry."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from maskstream_model.errors import DatasetError

Value = TypeVar("Value")
Inputs = ParamSpec("Inputs")
OWNERS = {"video_id": "video", "image_id": "picture"}
"""What an annotation belongs to, by the key that has its id."""


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
        lacks = isinstance(error, KeyError) and isinstance(error.args[0], str)
        why = f"has no {error}" if lacks else f"is not as it should be: {error!r}"
        raise DatasetError(f"{where} {why}") from error


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
    owner = next((f"{name} {item[key]}, " for key, name in OWNERS.items() if key in item), "")
    return owner + (f"{kind} {item['id']}" if "id" in item else f"{kind} at place {index}")


def video_name(number: int | str, frames: int) -> str:
    """Return what to call a video of so many frames; of a single one it is a picture."""
    return f"{'picture' if frames == 1 else 'video'} {number}"


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
