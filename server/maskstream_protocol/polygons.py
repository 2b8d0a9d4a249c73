"""Outlines of masks as rings of pixel centres (docs/protocol.md 3, `polygons`).

A ring follows the pixels along one border of the mask, corner to corner, so nothing is lost: the
pixels on a ring belong to the mask, those strictly inside it by the even-odd rule. Pixels that
touch at a corner are connected.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.errors import MalformedResultError
from maskstream_protocol.fields import U16_MAX

Points = NDArray[np.int64]
"""(P, 2) x, y of pixel centres."""


def trace_rings(mask: NDArray[np.bool_]) -> list[Points]:
    """The borders of a (h, w) mask, each starting at its first pixel in reading order."""
    width = mask.shape[1] + 2
    return [_corners(sides // 4, width) for sides in _walks(mask)]


def trace_edges(mask: NDArray[np.bool_]) -> list[Points]:
    """The borders of a (h, w) mask along the edges of its pixels, as corners of pixels.

    A pixel x, y reaches from x to x + 1 and from y to y + 1: what these rings enclose, by the
    even-odd rule, is exactly the mask. Outer ones go clockwise, holes counterclockwise.
    """
    width = mask.shape[1] + 2
    rings = []
    for sides in _walks(mask):
        pixels, side = np.divmod(sides, 4)
        # A side begins at the corner that the walk reaches first: of the top one, the left.
        starts = pixels + _START_OF_SIDE[side] @ (1, width)
        rings.append(_corners(starts, width))
    return rings


_START_OF_SIDE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
"""x and y of the corner at which the top, right, bottom and left side of a pixel begin."""


def _walks(mask: NDArray[np.bool_]) -> Iterator[Points]:
    """The walks around a (h, w) mask, clockwise: sides of pixels of the mask with a border.

    Every side of a pixel that faces the background is followed by exactly one other; a walk over
    these sides visits the pixels of a border in order.
    """
    padded = np.pad(np.ascontiguousarray(mask), 1)
    outwards = np.array([-padded.shape[1], 1, padded.shape[1], -1])
    sides = _sides(padded.ravel(), outwards)
    following = _following_sides(padded.ravel(), sides, outwards).tolist()
    seen = bytearray(len(following))
    for start in range(len(following)):
        if seen[start]:
            continue
        walk = []
        side = start
        while not seen[side]:
            seen[side] = 1
            walk.append(side)
            side = following[side]
        yield sides[walk]


def _sides(padded: NDArray[np.bool_], outwards: Points) -> Points:
    """The sides of pixels that face the background: 4 times the pixel plus 0 to 3, rising.

    Args:
        padded: the mask with a border of nothing, flat.
        outwards: steps over the top, right, bottom and left side of a pixel.
    """
    within = slice(width := int(outwards[2]), len(padded) - width)
    inside = np.ones(len(padded) - 2 * width, bool)
    for step in outwards.tolist():
        inside &= padded[within.start + step : within.stop + step]
    border = np.flatnonzero(padded[within] & ~inside) + width
    facing = [4 * border[~padded[border + step]] + k for k, step in enumerate(outwards)]
    return np.sort(np.concatenate(facing))


def _following_sides(padded: NDArray[np.bool_], sides: Points, outwards: Points) -> Points:
    """For each side the position in `sides` of the one after it.

    Walking clockwise, at the end of a side: a pixel diagonally ahead on the outer side is turned
    to (its side that faces us), else the pixel straight ahead continues with the same side, else
    the walk turns round the corner to this pixel's own next side.
    """
    pixel, side = np.divmod(sides, 4)
    ahead = np.roll(outwards, -1)[side]
    beside = ahead + outwards[side]
    diagonal = padded[pixel + beside]
    straight = padded[pixel + ahead]
    step = np.where(diagonal, beside, ahead * straight)
    turn = np.where(diagonal, -1, ~straight)
    following: Points = np.searchsorted(sides, 4 * (pixel + step) + (side + turn) % 4)
    return following


def _corners(pixels: Points, width: int) -> Points:
    """The points of a closed walk over pixels, of a padded mask, where its direction changes."""
    rows, columns = np.divmod(pixels, width)
    points = np.stack([columns, rows], axis=1) - 1
    points = points[(points != np.roll(points, -1, axis=0)).any(axis=1)]
    if len(points) == 0:
        return np.array([[columns[0], rows[0]]]) - 1
    arriving = points - np.roll(points, 1, axis=0)
    leaving = np.roll(points, -1, axis=0) - points
    corners: Points = points[(arriving != leaving).any(axis=1)]
    return corners


def fill_rings(rings: list[Points], height: int, width: int) -> NDArray[np.bool_]:
    """The (height, width) mask whose borders these are."""
    mask = np.zeros((height, width), bool)
    if not rings:
        return mask
    start = np.concatenate(rings)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    _draw_edges(mask, start, end)
    toggles = _crossings(start, end, height, width).reshape(height, width + 1)
    mask |= np.cumsum(toggles, axis=1)[:, :width] % 2 == 1
    return mask


def _draw_edges(mask: NDArray[np.bool_], start: Points, end: Points) -> None:
    """Set the pixels whose centres lie on the edges."""
    steps = np.gcd(*np.abs(end - start).T)
    unit = (end - start) // np.maximum(steps, 1)[:, None]
    edge, position = _spread(np.maximum(steps, 1))
    points = start[edge] + unit[edge] * position[:, None]
    mask[points[:, 1], points[:, 0]] = True


def _crossings(start: Points, end: Points, height: int, width: int) -> Points:
    """How many edges each pixel is the first to lie right of, flat over (height, width + 1).

    An edge counts on the rows from its upper end to just above its lower one.
    """
    upper = np.where((start[:, 1] <= end[:, 1])[:, None], start, end)
    span = np.abs(end - start)[:, 1]
    across = (end - start)[:, 0] * np.sign((end - start)[:, 1])
    edge, row = _spread(span)
    columns = upper[edge, 0] + row * across[edge] // np.maximum(span, 1)[edge] + 1
    flat = (upper[edge, 1] + row) * (width + 1) + columns
    return np.bincount(flat, minlength=height * (width + 1))


def _spread(counts: Points) -> tuple[Points, Points]:
    """For counts (2, 3): the owners 0 0 1 1 1 and the positions 0 1 0 1 2."""
    owners = np.repeat(np.arange(len(counts)), counts)
    firsts = np.cumsum(counts) - counts
    return owners, np.arange(len(owners)) - firsts[owners]


def encode_rings(rings: list[Points]) -> bytes:
    """Rings in mask pixels as bytes.

    More rings than a u16 counts lose the smallest, and a ring of too many points every other
    one: such a mask is noise.
    """
    kept = sorted(rings, key=len, reverse=True)[:U16_MAX] if len(rings) > U16_MAX else rings
    parts = [struct.pack("<H", len(kept))]
    for ring in kept:
        points = ring[:: -(-len(ring) // U16_MAX)]
        parts += [struct.pack("<H", len(points)), points.astype("<i2").tobytes()]
    return b"".join(parts)


def decode_rings(data: bytes | memoryview) -> list[Points]:
    """The rings of a mask's bytes.

    Raises:
        MalformedResultError: the bytes end early or continue after the last ring.
    """
    counts = _u16(data, 0)
    offset = 2
    rings: list[Points] = []
    for _ in range(counts):
        size = 4 * _u16(data, offset)
        points = data[offset + 2 : offset + 2 + size]
        offset += 2 + size
        if offset > len(data):
            break
        values: NDArray[Any] = np.frombuffer(points, "<i2")
        rings.append(values.astype(np.int64).reshape(-1, 2))
    if offset != len(data):
        raise MalformedResultError("The rings of a polygon do not fill its bytes.")
    return rings


def _u16(data: bytes | memoryview, offset: int) -> int:
    if offset + 2 > len(data):
        raise MalformedResultError("The rings of a polygon end early.")
    return int.from_bytes(data[offset : offset + 2], "little")
