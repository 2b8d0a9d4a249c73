"""Settings typed as `name=value`, as fields of a recipe."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from maskstream_model.errors import ConfigError
from maskstream_model.training.options import TrackerRecipe

TRUTH = {"true": True, "false": False}


def overridden(recipe: TrackerRecipe, texts: Sequence[str]) -> TrackerRecipe:
    """Return `recipe` with fields replaced, each read as the type that it has.

    Raises:
        ConfigError: not like `name=value`, no such field, or a value that it cannot have.
    """
    known: dict[str, Any] = asdict(recipe)
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ConfigError(f"{text!r} is not like name=value")
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}; known are {', '.join(known)}")
        changes[name] = _read(value, known[name], text)
    return replace(recipe, **changes)


def _read(value: str, like: Any, text: str) -> Any:
    try:
        if isinstance(like, bool):
            return TRUTH[value.lower()]
        return type(like)(value)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number"}.get(type(like), "a number")
        raise ConfigError(f"{text!r} wants {kind}") from None
