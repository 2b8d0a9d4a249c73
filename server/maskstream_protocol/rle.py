"""COCO compressed run-length strings of cropped masks (docs/protocol.md 3, `rle`).

Encoding is pycocotools'. Decoding is our own: the C code trusts its input, a client must not.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from maskstream_protocol.errors import MalformedResultError

BoolMask = NDArray[np.bool_]

_FIRST_CHARACTER: Final = 48
_MORE, _SIGN, _VALUE = 0x20, 0x10, 0x1F
_MAX_CHARACTERS: Final = 12
"""Five bits each: 60 bits, far more than any run that fits into a picture."""


def encode_rle(crop: BoolMask) -> bytes:
    """The run-length string of a (h, w) mask."""
    runs = coco.encode(np.asfortranarray(crop).view(np.uint8))
    return cast(bytes, runs["counts"])


def decode_rle(data: bytes | memoryview, height: int, width: int) -> BoolMask:
    """The (height, width) mask of a run-length string.

    Raises:
        MalformedResultError: not such a string, or not of this size.
    """
    counts = _run_lengths(np.frombuffer(data, np.uint8))
    size = height * width
    # Each count is judged alone: a sum of huge ones can overflow to the right size.
    if ((counts < 0) | (counts > size)).any() or int(counts.sum()) != size:
        raise MalformedResultError(f"The run lengths do not make up a mask of {width}x{height}.")
    runs = np.arange(len(counts)) % 2 == 1
    return np.repeat(runs, counts).reshape(width, height).T


def _run_lengths(characters: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The counts of a string: five bits a character, low ones first, differences from the third on.

    From the fourth count on, each is stored as its difference from the one two before it.
    """
    codes = characters.astype(np.int64) - _FIRST_CHARACTER
    is_end = (codes & _MORE) == 0
    if len(codes) == 0 or ((codes < 0) | (codes > 0x3F)).any() or not is_end[-1]:
        raise MalformedResultError("The mask is not a COCO run-length string.")
    ends = np.flatnonzero(is_end)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _MAX_CHARACTERS:
        raise MalformedResultError("A run of the mask is longer than any picture.")
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    values = np.add.reduceat((codes & _VALUE) << shifts, starts)
    values -= np.where(codes[ends] & _SIGN, np.int64(1) << 5 * lengths, 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
