"""When objects are there in a real clip, read from a file that a person wrote by eye.

Truth of this kind (when and through which edge an object enters and leaves, and which frames are
empty) costs a minute of looking at a clip; masks would cost hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskstream_model.errors import DatasetError
from maskstream_train.data.reading import read_json


@dataclass(frozen=True)
class PresentObject:
    """An object that is there from frame `first` to `last`; `travel` is +1 down, -1 up, 0 other."""

    id: str
    first: int
    last: int
    travel: int


@dataclass(frozen=True)
class PresenceTruth:
    """When things are there: objects, and spans of frames `(first, last)` without any."""

    objects: tuple[PresentObject, ...]
    empty: tuple[tuple[int, int], ...]


def read_presence(path: Path, clip: str | None = None) -> PresenceTruth:
    """Read the truth of one clip.

    Args:
        path: JSON, a mapping from clip names to `objects` and `empty`.
        clip: its name; may be left out where there is only one.

    Raises:
        DatasetError: unreadable, or no such clip.
    """
    clips = read_json(path)
    try:
        names = [clip] if clip is not None else list(clips)
        if len(names) != 1:
            raise DatasetError(f"{path} has {len(names)} clips; name one of {', '.join(names)}")
        content = clips[names[0]]
        objects = tuple(_object(item) for item in content["objects"])
        empty = tuple((int(first), int(last)) for first, last in content["empty"])
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} is not as it should be: {error!r}") from error
    return PresenceTruth(objects, empty)


def _object(item: Mapping[str, Any]) -> PresentObject:
    places = {"top": 0, "bottom": 1}
    enters, leaves = places.get(item["enters"]), places.get(item["leaves"])
    travel = 0 if enters is None or leaves is None else leaves - enters
    return PresentObject(str(item["id"]), int(item["first"]), int(item["last"]), travel)
