"""Settings changed by name, as on a command line: `learning_rate=2e-4`, `cost.num_points=512`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from maskstream_model.errors import ConfigError

Settings = TypeVar("Settings")
Names = tuple[str, ...]
"""A field, after its parents."""
COUNTS = (
    *("steps", "num_frames", "batch_size", "views", "num_points", "count", "oversample"),
    *("short_sides", "max_long_side", "crop_short_sides", "crop_range"),
)
SHARES = ("_share", "_ratio", "_score_min", "average_decay", "no_object", "decay_factor")


def override(settings: Settings, changes: Sequence[str]) -> Settings:
    """Return a dataclass of dataclasses with some fields replaced.

    Args:
        settings: a tree of frozen dataclasses.
        changes: `name=value`; a name is a field, with as many of its parents before it, parted by
            points, as make it the only one. Tuples are written `1,2,3`, no value `none`.

    Raises:
        ConfigError: no such field, several of them, or a value that it cannot take.
    """
    changed: dict[Names, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ConfigError(f"write name=value, not {change!r}")
        path = _find(settings, name.strip())
        changed[path] = _value(settings, path, text.strip())
    changed_settings: Settings = _replaced(settings, changed)
    return changed_settings


def _paths(settings: Any) -> Iterator[Names]:
    for item in fields(settings):
        value = getattr(settings, item.name)
        if is_dataclass(value):
            yield from ((item.name, *rest) for rest in _paths(value))
        else:
            yield (item.name,)


def _find(settings: Any, name: str) -> Names:
    asked = tuple(name.split("."))
    paths = list(_paths(settings))
    found = [path for path in paths if path == asked]
    found = found or [path for path in paths if path[-len(asked) :] == asked]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(".".join(path) for path in found)
        raise ConfigError(f"{name} is not one setting but several: {several}")
    known = ", ".join(sorted({path[-1] for path in paths}))
    raise ConfigError(f"there is no setting {name}; known are {known}")


def _value(settings: Any, path: Names, text: str) -> Any:
    name, *rest = path
    if rest:
        return _value(getattr(settings, name), tuple(rest), text)
    kind = get_type_hints(type(settings))[name]
    try:
        value = _parsed(text, kind)
    except ValueError:
        raise ConfigError(f"{name} cannot be {text!r}: it is {_described(kind)}") from None
    _check(name, value)
    return value


def _replaced(settings: Any, changed: Mapping[Names, Any]) -> Any:
    """Replace all fields of a dataclass at once: it may check what goes with what."""
    fresh = {}
    for name in {path[0] for path in changed}:
        inside = {path[1:]: value for path, value in changed.items() if path[0] == name}
        here = getattr(settings, name)
        fresh[name] = inside[()] if () in inside else _replaced(here, inside)
    return replace(settings, **fresh)


def _parsed(text: str, kind: Any) -> Any:
    """Read a value of a type.

    Raises:
        ValueError: it is none, or its type is not one that can be written.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if text.lower() == "none" and NoneType in arguments:
            return None
        return _parsed(text, next(part for part in arguments if part is not NoneType))
    if origin is Literal and text in arguments:
        return text
    if origin is tuple:
        parts = [part for part in text.split(",") if part]
        wanted = arguments[:1] * len(parts) if arguments[-1] is Ellipsis else arguments
        return tuple(_parsed(part, of) for part, of in zip(parts, wanted, strict=True))
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in (int, float, str, Path):
        return kind(text)
    raise ValueError(text)


def _described(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def _check(name: str, value: Any) -> None:
    """Check the range that a field's name implies; what else is wrong its dataclass says.

    Raises:
        ConfigError: a share or count that is none, a negative number, an empty tuple.
    """
    if value == ():
        raise ConfigError(f"{name} must not be empty")
    for number in value if isinstance(value, tuple) else (value,):
        if not isinstance(number, int | float):
            continue
        if number < 1 and name in COUNTS:
            raise ConfigError(f"{name} must be at least 1, not {number}")
        if not number >= 0:
            raise ConfigError(f"{name} must not be negative, not {number}")
        if number > 1 and name.endswith(SHARES):
            raise ConfigError(f"{name} must lie between 0 and 1, not {number}")
