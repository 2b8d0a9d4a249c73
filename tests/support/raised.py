"""Errors of calls that may fail, as values."""

from collections.abc import Callable
from typing import TypeVar

ErrorT = TypeVar("ErrorT", bound=Exception)


def error_of(kind: type[ErrorT], call: Callable[..., object], *arguments: object) -> ErrorT | None:
    """Return the error of this kind that a call raises; None if it returns."""
    try:
        call(*arguments)
    except kind as error:
        return error
    return None
