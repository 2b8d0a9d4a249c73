"""How stored pictures are turned and mirrored to be shown: the display matrix."""

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MATRIX: Final = struct.Struct("=9i")
"""FFmpeg's display matrix."""


class Orientation(NamedTuple):
    """One of the eight orientations of a rectangle.

    Attributes:
        transposed: rows become columns, before anything else.
        flipped_x: then left and right change places.
        flipped_y: then top and bottom do.
    """

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    @classmethod
    def from_matrix(cls, matrix: bytes) -> "Orientation":
        """Read FFmpeg's display matrix of nine 32-bit integers.

        A turn that is not by quarters is taken for the nearest that is, a matrix that says
        nothing for none.
        """
        a, b, _, c, d = MATRIX.unpack(matrix)[:5]
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @classmethod
    def from_degrees(cls, degrees: float) -> "Orientation":
        """Return that of a turn counterclockwise, to the nearest quarter."""
        quarters = round(degrees / 90) % 4
        return cls(bool(quarters % 2), quarters in (2, 3), quarters in (1, 2))

    @classmethod
    def from_code(cls, code: int) -> "Orientation":
        """Return that of a number from 0 to 7; ValueError for another."""
        if not 0 <= code < 8:
            raise ValueError(f"no orientation is {code}")
        return cls(bool(code & 1), bool(code & 2), bool(code & 4))

    @property
    def code(self) -> int:
        """A number from 0 to 7; 0 leaves the picture as it is."""
        return self.transposed + 2 * self.flipped_x + 4 * self.flipped_y

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return shown width and height of a stored picture; the same the other way round."""
        return (height, width) if self.transposed else (width, height)

    def apply(self, pixels: "npt.NDArray[np.uint8]") -> "npt.NDArray[np.uint8]":
        """Return a stored picture (H, W, 3) as it is shown, in one piece of memory."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        if self.flipped_x:
            pixels = pixels[:, ::-1]
        if self.flipped_y:
            pixels = pixels[::-1]
        return pixels if pixels.flags.c_contiguous else pixels.copy(order="C")
