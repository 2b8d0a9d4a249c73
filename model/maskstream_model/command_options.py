"""Options that several commands have, and how they take the size of frames."""

import re
from typing import Any

import click

from maskstream_model.aliases import MAX_PIXELS, Size

# More digits are no size either; `int` refuses very many.
SIZE = re.compile("([0-9]{1,18})x([0-9]{1,18})")

weights_option = click.option(
    "--weights",
    metavar="FILE|auto",
    help="Weight file; auto pulls those that are not here yet.  [default: those pulled]",
)


class FrameSize(click.ParamType[Size]):
    """`WIDTHxHEIGHT` in pixels, as every command has sizes."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: Any, ctx: Any) -> Size:
        """Return `(height, width)`."""
        if isinstance(value, tuple):
            return value
        found = SIZE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no WIDTHxHEIGHT such as 448x256", param, ctx)
        width, height = map(int, found.groups())
        if not 1 <= width * height <= MAX_PIXELS:
            self.fail(f"{value!r}: a frame has 1 to {MAX_PIXELS} pixels", param, ctx)
        return height, width
