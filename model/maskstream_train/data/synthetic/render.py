"""From sprites to frames: placing, cast shadows and blending."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.motion import Path
from maskstream_train.data.synthetic.sprites import Cel, Sprite

Window = tuple[int, int, int, int]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Layer:
    """A sprite on its path. `number` from 1 is its object; 0 for unlabelled things in front.

    Attributes:
        stretch: (2,) factors along x and y before turning; a negative x mirrors.
        heading_up: the drawing points up and is turned into the direction of motion.
        parallax: how much of the camera's shift it feels.
    """

    sprite: Sprite
    path: Path
    number: int
    stretch: Image
    heading_up: bool = False
    parallax: float = 1.0


@dataclass(frozen=True)
class Shadow:
    """A cast shadow: offset (x, y) in heights of the object, height left of it, darkness 0 to 1."""

    offset: Image
    flatness: float
    darkness: float


def placing(layer: Layer, cel: Cel, frame: int, view: Image) -> Image:
    """Return (2, 3) from pixels of the cel to pixels of the frame; `view` is the camera's."""
    path = layer.path
    angle = path.angle[frame]
    if layer.heading_up:
        angle = path.heading[frame] + np.pi / 2
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) * (cel.scale * path.scale[frame])
    turn = turn * layer.stretch
    place = path.places[frame] - turn @ cel.middle
    return np.column_stack([view[:, :2] @ turn, view[:, :2] @ place + view[:, 2]])


def is_far_outside(layer: Layer, frame: int, view: Image, limits: tuple[int, ...]) -> bool:
    """Whether a layer cannot touch the frame, so that it need not even be painted."""
    x, y = (view[:, :2] @ layer.path.places[frame] + view[:, 2]).tolist()
    grown = float(layer.path.scale[frame] * np.abs(layer.stretch).max()) * math.hypot(*view[0, :2])
    reach = grown * layer.sprite.reach
    return not (-reach < x < limits[1] + reach and -reach < y < limits[0] + reach)


def _window(matrix: Image, shape: tuple[int, ...], limits: tuple[int, ...]) -> Window | None:
    """Return the box of a placed cel inside the frame; None where it is outside."""
    bounds = []
    for (along, across, offset), limit in zip(matrix.tolist(), limits[1::-1], strict=True):
        x, y = along * shape[1], across * shape[0]
        low, high = offset + min(x, 0.0) + min(y, 0.0), offset + max(x, 0.0) + max(y, 0.0)
        bounds.append((max(0, math.floor(low)), min(limit, math.ceil(high))))
    (left, right), (top, bottom) = bounds
    return (left, top, right, bottom) if left < right and top < bottom else None


def _warped(pixels: Image, matrix: Image, window: Window) -> Image:
    left, top, right, bottom = window
    local = matrix - np.array([[0, 0, left], [0, 0, top]])
    return cv2.warpAffine(pixels, local, (right - left, bottom - top), flags=cv2.INTER_LINEAR)


def cast_shadow(canvas: Image, cel: Cel, matrix: Image, shadow: Shadow) -> None:
    """Darken `canvas` (height, width, 3) where the shadow of a placed cel falls."""
    height = cel.rgba.shape[0]
    foot = matrix @ (cel.middle[0], height, 1.0)
    lift = abs(matrix[1, 1]) * height
    squash = np.array([[1.0, -shadow.offset[0]], [0.0, shadow.flatness]])
    flat = squash @ matrix
    flat[:, 2] += foot - squash @ foot + (0.0, lift * shadow.offset[1])
    window = _window(flat, cel.rgba.shape, canvas.shape)
    if window is None:
        return
    alpha = cv2.blur(_warped(cel.rgba[..., 3], flat, window), (3, 3))
    factor = 1 - alpha * np.float32(shadow.darkness / 255)
    left, top, right, bottom = window
    region = canvas[top:bottom, left:right]
    region[:] = cv2.multiply(region, cv2.merge([factor, factor, factor]), dtype=cv2.CV_8U)


def smear(layer: Layer, frame: int, shutter: float) -> tuple[int, int]:
    """Return by how many pixels (x, y) motion blurs a layer, along its main axis of motion.

    `shutter` is the share of the time between frames that the shutter stays open.
    """
    places = layer.path.places
    step = np.abs(places[frame] - places[max(frame - 1, 0)]) * shutter
    x, y = (min(int(length), 25) for length in step)
    return (x, 1) if x >= y else (1, y)


def paste(
    canvas: Image, owners: Image, cel: Cel, matrix: Image, number: int, blur: tuple[int, int]
) -> None:
    """Blend a placed cel into `canvas` and write `number` into `owners` where it is opaque.

    `blur` (x, y) in pixels smears it, its outline too.
    """
    window = _window(matrix, cel.rgba.shape, canvas.shape)
    if window is None:
        return
    left, top, right, bottom = window
    patch = _warped(cel.rgba, matrix, window)
    if max(blur) > 2:
        patch = cv2.blur(patch, (max(blur[0], 1), max(blur[1], 1)))
    region = canvas[top:bottom, left:right]
    alpha = patch[..., 3].astype(np.float32) / 255
    region[:] = cv2.blendLinear(
        np.ascontiguousarray(patch[..., :3]), region.copy(), alpha, 1 - alpha
    )
    owners[top:bottom, left:right][patch[..., 3] > 127] = number
