"""Why a picture is refused, and what its header says: values of the worker process."""

from dataclasses import dataclass

Size = tuple[int, int]
"""Height and width in pixels."""


class UndecodableError(ValueError):
    """The payload is broken, no picture of its codec, or more work than a frame may be."""


class TooLargeError(ValueError):
    """The picture has more pixels than it may have; nothing has been decoded.

    Attributes:
        size: 0 by 0 where it is not known.
    """

    def __init__(self, size: Size = (0, 0)) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True)
class Inspected:
    """A picture as its own structure describes it, before anything is decoded.

    Attributes:
        size: height and width in pixels.
        data: what is to be decoded: without profiles, comments and further pictures.
        num_passes: how many times a decoder walks over all pixels of one component.
        other_end: `data` with another ending where the picture has no end of its own. Both decode
            to the same pixels, unless data is missing before the end.
    """

    size: Size
    data: bytes
    num_passes: int = 1
    other_end: bytes | None = None
