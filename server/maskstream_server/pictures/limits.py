"""What one picture may cost."""

import json
from dataclasses import asdict, dataclass
from typing import Final

_BASE_BYTES: Final = 336 << 20
"""Address space of Python, numpy and the codecs, with a reserve."""
_BYTES_PER_PIXEL: Final = 32
"""Pillow's pixels twice, packed pixels twice, and what a codec keeps: coefficients, canvases."""
_COPIES_OF_PAYLOAD: Final = 5
_BYTES_PER_PIXEL_OF_UNITS: Final = 64
"""A decoder of H.264 or HEVC keeps up to 17 pictures, 25 bytes a pixel in 4:2:0 with 8 bits; those
of deeper colours must keep fewer. One is RGB besides, twice."""


def memory_for(max_pixels: int, max_bytes: int) -> int:
    """Return the address space that the largest picture of any codec can be decoded in."""
    return _BASE_BYTES + _BYTES_PER_PIXEL * max_pixels + _COPIES_OF_PAYLOAD * max_bytes


def unit_memory_for(max_pixels: int, max_bytes: int) -> int:
    """Return the address space that units of videos can be decoded in; FFmpeg takes more of it."""
    per_pixel = _BYTES_PER_PIXEL_OF_UNITS
    return 2 * _BASE_BYTES + per_pixel * max_pixels + _COPIES_OF_PAYLOAD * max_bytes


@dataclass(frozen=True)
class PictureLimits:
    """Limits of one picture; over them it is refused with a sentence.

    Attributes:
        max_pixels: width x height.
        max_side_px: the longer side.
        max_bytes: of the payload.
        deadline_s: computing time from the request to its reply; a second more by the clock.
        memory_bytes: address space of a worker; see `memory_for`.
    """

    max_pixels: int
    max_side_px: int
    max_bytes: int
    deadline_s: float
    memory_bytes: int

    def encode(self) -> str:
        """JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> "PictureLimits":
        """What `encode` wrote."""
        return cls(**json.loads(text))
