"""A custom model as a folder: `model.json` describes it, its weights are beside it.

Such a folder can stand for a preset: `maskstream serve --model mine/`. It has the networks and
rules of a preset, its base, with other classes (docs/decisions/0075).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.errors import ConfigError
from maskstream_model.port import ClassInfo

DESCRIPTION = "model.json"
WEIGHTS = "model.safetensors"
FORMAT = 1
"""Version of the description; others are refused."""
MAX_BYTES = 1 << 20
MAX_CLASSES = 1000
MAX_NAME = 200
"""Characters of a class name."""
COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
NAME = re.compile(r"[\w][\w.-]{0,63}")


@dataclass(frozen=True)
class ModelFolder:
    """The description of a model in a folder.

    Attributes:
        path: the folder.
        name: of the model, shown to clients.
        base: the preset whose networks and rules it has.
        classes: in the order of the class logits.
    """

    path: Path
    name: str
    base: str
    classes: tuple[ClassInfo, ...]

    @property
    def weights(self) -> Path:
        """The weight file."""
        return self.path / WEIGHTS


def model_folder(name: str) -> ModelFolder | None:
    """Return the model in a folder; None where `name` is no folder.

    Raises:
        ConfigError: a folder without a description, or with an invalid one.
    """
    path = Path(name)
    if not name or not path.is_dir():
        return None
    file = path / DESCRIPTION
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{file} is too large to describe a model")
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the folder {path} is no model: it has no {DESCRIPTION}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    return _described(path, file, content)


def write_description(folder: ModelFolder) -> None:
    """Write the description of a model into its folder, which must exist.

    Raises:
        ConfigError: as of `description_of`.
        OSError: it cannot be written.
    """
    text = json.dumps(description_of(folder), indent=2) + "\n"
    with atomic_write(folder.path / DESCRIPTION) as temporary:
        temporary.write_text(text, encoding="utf-8")


def description_of(folder: ModelFolder) -> Mapping[str, Any]:
    """Return the description of a model as JSON.

    Raises:
        ConfigError: its name or a class is invalid.
    """
    content = {
        "format": FORMAT,
        "name": folder.name,
        "base": folder.base,
        "classes": [asdict(each) for each in folder.classes],
    }
    _described(folder.path, folder.path / DESCRIPTION, content)
    return content


def _described(path: Path, file: Path, content: Any) -> ModelFolder:
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise ConfigError(f"{file} is not a description of format {FORMAT}")
    name, base, listed = (content.get(key) for key in ("name", "base", "classes"))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(
            f"{file}: the name of a model is up to 64 letters, digits, dots, dashes and "
            f"underscores, not {name!r}"
        )
    if not isinstance(base, str) or not isinstance(listed, list):
        raise ConfigError(f"{file} must name the preset that is its base, and its classes")
    if not 1 <= len(listed) <= MAX_CLASSES:
        raise ConfigError(f"{file} has {len(listed)} classes; a model has 1 to {MAX_CLASSES}")
    classes = tuple(_class(file, item) for item in listed)
    _refuse_twice(file, [each.name for each in classes])
    return ModelFolder(path, name, base, classes)


def _is_name(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and len(name) <= MAX_NAME


def _class(file: Path, item: Any) -> ClassInfo:
    name, color, thing = (
        (item.get("name"), item.get("color"), item.get("thing", True))
        if isinstance(item, Mapping)
        else (None, None, None)
    )
    if not isinstance(name, str) or not _is_name(name):
        raise ConfigError(f"{file}: a class needs a printable name, not {name!r}")
    if not isinstance(color, str) or not COLOR.fullmatch(color):
        raise ConfigError(f"{file}: the colour of {name!r} is written #rrggbb, not {color!r}")
    if not isinstance(thing, bool):
        raise ConfigError(f"{file}: `thing` of {name!r} is true or false, not {thing!r}")
    return ClassInfo(name, color, thing)


def _refuse_twice(file: Path, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{file} lists the class {twice!r} twice")
