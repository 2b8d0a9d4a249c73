"""How every command reports errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from maskstream_model.errors import MaskstreamModelError


def printable(text: str) -> str:
    """Return the text, such as a name from an annotation file, with control characters escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


@contextmanager
def click_errors() -> Iterator[None]:
    """Report errors of ours as one sentence with exit status 1; also a decorator.

    Raises:
        click.ClickException: in place of a `MaskstreamModelError`.
    """
    try:
        yield
    except MaskstreamModelError as error:
        raise click.ClickException(str(error)) from error
