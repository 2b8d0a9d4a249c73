"""Reads the fields of a JSON control message and refuses wrong ones with a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from maskstream_protocol.errors import BadMessageError

T = TypeVar("T")

U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
MAX_LEVELS = 100
"""Lists and objects within one another: bounded here, since what is read is also written back."""


def read_object(text: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        BadMessageError: not JSON, or not an object.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"The message is not JSON: {error}.") from error
    if _is_deeper(value, MAX_LEVELS):
        raise BadMessageError(f"A control message has at most {MAX_LEVELS} levels.")
    if not isinstance(value, dict):
        raise BadMessageError(f"A control message is a JSON object, not {_name(value)}.")
    return value


class Fields:
    """Typed access to the fields of one message; unknown fields are left alone."""

    def __init__(self, values: Mapping[str, Any], owner: str) -> None:
        self._values = values
        self._owner = owner

    def any(self, name: str) -> Any:
        """Any JSON value; null where the field is missing."""
        return self._values.get(name)

    def text(self, name: str) -> str:
        """A required string."""
        return self._required(name, self.text_or_none(name), "a string")

    def text_or_none(self, name: str) -> str | None:
        """A string, or None where it is null or missing."""
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(name, "a string", value)

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """One of the given strings."""
        value = self._required(name, self._values.get(name, default), _either(choices))
        if isinstance(value, str) and value in choices:
            return value
        raise self._wrong(name, _either(choices), value)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """A boolean; required where it has no default."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false", value)

    def integer(self, name: str, low: int = 0, high: int = U64_MAX) -> int:
        """A required integer between `low` and `high`."""
        value = self.integer_or_none(name, low, high)
        return self._required(name, value, f"an integer from {low}")

    def integer_or_none(self, name: str, low: int = 0, high: int = U64_MAX) -> int | None:
        """An integer between `low` and `high`, or None where it is null or missing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise self._wrong(name, f"an integer from {low} to {high}", value)

    def number_or_none(self, name: str, low: float, high: float) -> float | None:
        """A number between `low` and `high`, or None where it is null or missing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        raise self._wrong(name, f"a number from {low:g} to {high:g}", value)

    def texts_or_none(self, name: str) -> tuple[str, ...] | None:
        """A list of strings, or None where it is null or missing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self._wrong(name, "a list of strings", value)

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """A required list of integers between `low` and `high`."""
        value = self._values.get(name)
        if isinstance(value, list) and all(
            isinstance(item, int) and not isinstance(item, bool) and low <= item <= high
            for item in value
        ):
            return tuple(value)
        raise self._wrong(name, f"a list of integers from {low} to {high}", value)

    def inners_or_none(self, name: str) -> tuple[Fields, ...] | None:
        """The fields of each object in a list, or None where it is null or missing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return tuple(Fields(item, f"{self._owner}.{name}") for item in value)
        raise self._wrong(name, "a list of objects", value)

    def inner(self, name: str) -> Fields:
        """The fields of a required inner object."""
        return self._required(name, self.inner_or_none(name), "an object")

    def inner_or_none(self, name: str) -> Fields | None:
        """The fields of an inner object, or None where it is null or missing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return Fields(value, f"{self._owner}.{name}")
        raise self._wrong(name, "an object", value)

    def wrong(self, name: str, wanted: str) -> BadMessageError:
        """The error that says a field is not what it must be."""
        return self._wrong(name, wanted, self._values.get(name))

    def _required(self, name: str, value: T | None, wanted: str) -> T:
        if value is None:
            raise self._wrong(name, wanted, None)
        return value

    def _wrong(self, name: str, wanted: str, value: Any) -> BadMessageError:
        return BadMessageError(f"{self._owner}.{name} must be {wanted}, not {_name(value)}.")


def _either(choices: Collection[str]) -> str:
    return "one of " + ", ".join(choices)


def _name(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _finite(digits: str) -> float:
    """Read a number; one too large for a float would be written back as no JSON value."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits:.20} is too large")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie more than `levels` deep within one another."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)
