"""How commands take the size of frames."""

from typing import Any

import click


class FrameSize(click.ParamType[tuple[int, int]]):
    """`WIDTHxHEIGHT` in pixels, as every command has sizes."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Return `(height, width)`."""
        if isinstance(value, tuple):
            return value
        width, cross, height = str(value).partition("x")
        if not (cross and height.isdigit() and width.isdigit()):
            self.fail(f"{value!r} is no WIDTHxHEIGHT such as 448x256", param, ctx)
        if not (int(height) and int(width)):
            self.fail(f"{value!r}: width and height are at least 1", param, ctx)
        return int(height), int(width)
