"""Outlines that figures are put together from, and what a figure is.

Figure coordinates: x to the right, y down, the figure's middle near 0, its half height near 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from maskstream_train.data.synthetic.config import Image

Point = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """A filled outline (corners, 2) with the number of its paint in `Figure.paints`."""

    outline: Image
    paint: int


@dataclass(frozen=True)
class Paint:
    """A colour (3,) 0 to 255, and how strongly texture shows on it (0 plain, 1 fully)."""

    colour: Image
    texture: float = 0.0


@dataclass(frozen=True)
class Figure:
    """A deformable object: its kind, its paints, and its parts (back to front) at a phase.

    Attributes:
        kind: what it is drawn as, one of `LABELS`; empty for what has no class.
        paints: what the parts are painted with.
        pose: phase in radians -> parts.
        follows_heading: drawn heading up, and turned into the direction of motion.
        upright: keeps roughly upright (people, animals, vehicles from the side).
        roundness: 1 shaded as a solid body, 0 flat as a board.
        moves: whether the pose depends on the phase.
    """

    kind: str
    paints: tuple[Paint, ...]
    pose: Callable[[float], list[Part]]
    follows_heading: bool = False
    upright: bool = True
    roundness: float = 1.0
    moves: bool = True


@cache
def _unit_circle(corners: int) -> Image:
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


@cache
def _unit_bow() -> Image:
    """Half a unit circle on the side of negative x."""
    half = np.linspace(np.pi / 2, 3 * np.pi / 2, 6)
    return np.stack([np.cos(half), np.sin(half)], axis=1)


def ellipse(centre: Point, radii: Point, angle: float = 0.0, corners: int = 20) -> Image:
    """Return an ellipse turned by `angle` radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    axes = np.array([[radii[0] * cos, radii[0] * sin], [-radii[1] * sin, radii[1] * cos]])
    return np.asarray(_unit_circle(corners) @ axes + centre)


def limb(start: Point, end: Point, start_radius: float, end_radius: float) -> Image:
    """Return a tapered bar with round ends."""
    x, y = end[0] - start[0], end[1] - start[1]
    length = math.hypot(x, y) + 1e-9
    back = _unit_bow() @ np.array([[x, y], [-y, x]]) / length
    return np.concatenate([start + start_radius * back, end - end_radius * back])


def box(left: float, top: float, right: float, bottom: float, rounding: float = 0.0) -> Image:
    """Return a rectangle; `rounding` 0 to 1 is the corner radius over half the shorter side."""
    if rounding <= 0:
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    radius = rounding * min(right - left, bottom - top) / 2
    circle = radius * _unit_circle(16)
    corners = []
    for number, (x, y) in enumerate(
        (
            (right - radius, bottom - radius),
            (left + radius, bottom - radius),
            (left + radius, top + radius),
            (right - radius, top + radius),
        )
    ):
        quarter = np.arange(4 * number, 4 * number + 5) % 16
        corners.append(circle[quarter] + (x, y))
    return np.concatenate(corners)


def polygon(*corners: Point) -> Image:
    """Return an outline from its corners."""
    return np.array(corners, float)


def mirrored(*right_side: Point) -> Image:
    """Return the outline whose right half is given from top to bottom."""
    right = np.array(right_side, float)
    return np.concatenate([right, (right * (-1, 1))[::-1]])


def moved_along(start: Point, angle: float, length: float) -> Point:
    """Return the point `length` from `start`; angle 0 hangs down, positive swings to +x."""
    return start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)


def wavy_ring(radii: Image, corners: int = 40) -> Image:
    """Return a closed curve with radius 1 plus the given Fourier terms (terms, 2: cos, sin)."""
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = np.ones_like(turn)
    for order, (cos, sin) in enumerate(radii, start=1):
        radius += cos * np.cos(order * turn) + sin * np.sin(order * turn)
    radius = np.maximum(radius, 0.25)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
