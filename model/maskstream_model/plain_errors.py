"""How every command tells what can go wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from maskstream_model.errors import MaskstreamModelError


def plain(text: str) -> str:
    """The text, such as a name from somebody's annotations, with control characters escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn errors raised on purpose into one sentence and exit status 1; also a decorator.

    Raises:
        click.ClickException: in place of a `MaskstreamModelError`.
    """
    try:
        yield
    except MaskstreamModelError as error:
        raise click.ClickException(str(error)) from error
