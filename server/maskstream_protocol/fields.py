"""Reads JSON objects into dataclasses by the annotations of their fields, and refuses wrong ones.

An annotation is a str, a bool, `Any`, a `Literal`, a number with `Between`, anything with
`Checked`, a dataclass for an object, or a tuple of one of these; with `| None` it may be null. What
is missing or null has the field's default, and unknown fields are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from maskstream_protocol.errors import BadMessageError

T = TypeVar("T")
Convert = Callable[[Any, str], Any]
"""A JSON value and where it is to a value; ValueError: it is not what is wanted there."""

U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
MAX_LEVELS = 100
"""Lists and objects within one another: bounded here, since what is read is also written back."""


@dataclass(frozen=True)
class Between:
    """Bounds of a number, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Checked:
    """A rule of its own: `check` returns the value, or raises ValueError; `wanted` is the rule."""

    check: Callable[[Any], Any]
    wanted: str


U64 = Annotated[int, Between(0, U64_MAX)]
Positive = Annotated[int, Between(1, U64_MAX)]
Epoch = Annotated[int, Between(1, U32_MAX)]


@dataclass(frozen=True)
class _Field:
    name: str
    wanted: str
    convert: Convert
    has_default: bool
    may_be_null: bool

    def read(self, values: Mapping[str, Any], owner: str) -> Any:
        """Its value among those of an object; `MISSING` for the default."""
        value = values.get(self.name, MISSING)
        if self.has_default and (value is MISSING or (value is None and self.may_be_null)):
            return MISSING
        value = None if value is MISSING else value
        if value is None and self.may_be_null:
            return None
        path = f"{owner}.{self.name}"
        try:
            return self.convert(value, path)
        except ValueError as error:
            raise wrong(path, self.wanted, value) from error


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
        raise BadMessageError(f"A control message is a JSON object, not {_shown(value)}.")
    return value


def read_fields(kind: type[T], values: Mapping[str, Any], owner: str) -> T:
    """Read an object into a dataclass.

    Raises:
        BadMessageError: a field is missing or wrong; named after `owner`.
    """
    read: dict[str, Any] = {}
    known: Any = kind
    for field in _fields_of(known):
        value = field.read(values, owner)
        if value is not MISSING:
            read[field.name] = value
    return kind(**read)


@cache
def _fields_of(kind: Any) -> tuple[_Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _field(item.name, hints[item.name], item.default is not MISSING) for item in fields(kind)
    )


def _field(name: str, hint: Any, has_default: bool) -> _Field:
    optional = get_origin(hint) in (Union, UnionType)
    inner = get_args(hint)[0] if optional else hint
    # A choice has no null: its default is for those who do not ask.
    is_choice = get_origin(inner) is Literal
    return _Field(name, *_kind(inner), has_default, optional or (has_default and not is_choice))


def _kind(hint: Any) -> tuple[str, Convert]:
    """What is wanted of a value, in words and as a conversion."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        mark = arguments[1]
        if isinstance(mark, Checked):
            inner = _kind(arguments[0])[1]
            return mark.wanted, lambda value, path: mark.check(inner(value, path))
        return _number(arguments[0], mark)
    if origin is Literal:
        return "one of " + ", ".join(arguments), lambda value, _: _that(value, value in arguments)
    if origin is tuple:
        wanted, convert = _kind(arguments[0])
        _, noun, *rest = wanted.split(" ", 2)
        return " ".join(("a list of", f"{noun}s", *rest)), lambda value, path: tuple(
            convert(item, path) for item in _that(value, isinstance(value, list))
        )
    if hint is float:
        return _number(float, Between(-math.inf, math.inf))
    if isinstance(hint, type) and is_dataclass(hint):
        return "an object", lambda value, path: read_fields(
            hint, _that(value, isinstance(value, dict)), path
        )
    if hint is Any:
        return "anything", lambda value, _: value
    wanted = {str: "a string", bool: "true or false"}[hint]
    return wanted, lambda value, _: _that(value, isinstance(value, hint))


def _number(kind: type, bounds: Between) -> tuple[str, Convert]:
    noun, kinds = ("an integer", int) if kind is int else ("a number", int | float)
    low, high = bounds.low, bounds.high

    def convert(value: Any, _: str) -> Any:
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return kind(_that(value, is_number and low <= value <= high))

    shown = (low, high) if kind is int else (f"{low:g}", f"{high:g}")
    return f"{noun} from {shown[0]} to {shown[1]}", convert


def wrong(path: str, wanted: str, value: Any) -> BadMessageError:
    """The error that says a field is not what it must be."""
    return BadMessageError(f"{path} must be {wanted}, not {_shown(value)}.")


def _that(value: T, holds: bool) -> T:
    if not holds:
        raise ValueError
    return value


def _shown(value: Any) -> str:
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
