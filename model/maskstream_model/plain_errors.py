"""How every command tells what can go wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from maskstream_model.errors import MaskstreamModelError


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
