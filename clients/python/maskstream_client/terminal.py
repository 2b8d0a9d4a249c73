"""Words from elsewhere on a terminal: file names, labels and messages must not steer it."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""The text with everything that is not printed written as an escape such as `\x1b`.

    These are control characters, so ANSI sequences too, marks that turn the direction of writing,
    line breaks, and bytes of a file name that no encoding explains.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
