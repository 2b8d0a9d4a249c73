"""Bit masks and label maps behind zlib (docs/protocol.md 3, `bits` and `labelmap`)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.records import Box

_LEVEL: Final = 1
"""Fast: the masks are small and leave at once."""


def encode_bits(crop: NDArray[np.bool_]) -> bytes:
    """A (h, w) mask as bits, row after row without padding, then zlib."""
    return zlib.compress(np.packbits(crop).tobytes(), _LEVEL)


def decode_bits(data: bytes | memoryview, height: int, width: int) -> NDArray[np.bool_]:
    """The (height, width) mask of such bits.

    Raises:
        MalformedResultError: not zlib, or not of this size.
    """
    packed = _inflate(data, (height * width + 7) // 8)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=height * width)
    return bits.reshape(height, width).astype(bool)


def label_map(
    size: tuple[int, int],
    boxes: Sequence[Box],
    crops: Sequence[NDArray[np.bool_]],
    logits: Sequence[NDArray[Any]],
) -> NDArray[np.uint16]:
    """One map for the frame: 1 + row of the mask that is in front, 0 for nothing.

    Args:
        size: height and width of the frame in mask pixels.
        boxes: tight boxes of the masks.
        crops: each mask within its box.
        logits: the same of the mask logits; where masks overlap the larger one is in front.
    """
    # Column-major, as the server's crops are.
    labels = np.zeros(size[::-1], np.uint16).T
    best = np.full(size[::-1], -np.inf, np.float32).T
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        window = (slice(y0, y1), slice(x0, x1))
        in_front = crops[row] & (logits[row] > best[window])
        np.copyto(labels[window], row + 1, where=in_front)
        np.copyto(best[window], logits[row], where=in_front)
    return labels


def encode_label_map(labels: NDArray[np.uint16], num_bits: int) -> bytes:
    """A label map of 8 or 16 bits a pixel behind zlib."""
    return zlib.compress(labels.astype(_label_type(num_bits)).tobytes(), _LEVEL)


def decode_label_map(
    data: bytes | memoryview, height: int, width: int, num_bits: int
) -> NDArray[np.unsignedinteger[Any]]:
    """The (height, width) map of a result's blob.

    Raises:
        MalformedResultError: not zlib, or not of this size.
    """
    flat = _inflate(data, height * width * num_bits // 8)
    return np.frombuffer(flat, _label_type(num_bits)).reshape(height, width)


def _label_type(num_bits: int) -> np.dtype[Any]:
    return np.dtype("<u2" if num_bits == 16 else "u1")


def _inflate(data: bytes | memoryview, num_bytes: int) -> bytes:
    """Undo zlib, never making more than `num_bytes` of it."""
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, num_bytes + 1)
    except zlib.error as error:
        raise MalformedResultError(f"The mask is not compressed by zlib: {error}.") from error
    if len(inflated) != num_bytes or not inflater.eof:
        raise MalformedResultError(f"The mask does not have the {num_bytes} bytes of its size.")
    return inflated
