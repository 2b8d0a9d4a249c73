"""Untrusted text on a terminal: file names, labels and messages must not control it."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import IO, Any, cast

from rich.console import Console


def printable(text: str) -> str:
    r"""The text with everything that is not printed written as an escape such as `\x1b`.

    These are control characters, so ANSI sequences too, marks that turn the direction of writing,
    line breaks, and bytes of a file name that no encoding explains.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def printable_json(value: Any) -> str:
    """Indented JSON that keeps letters of any script and escapes what `printable` does."""
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return "\n".join("".join(map(_json_escaped, line)) for line in lines)


def status_console() -> Console:
    """A console on standard error, where a command says how it is doing.

    Where that is closed (a pipe or terminal), the command continues without it.
    """
    return Console(file=cast("IO[str]", _BestEffort(sys.stderr)))


class _BestEffort:
    """A stream that ignores failures to write."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]
