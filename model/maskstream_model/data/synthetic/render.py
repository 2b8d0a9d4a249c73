"""From figures and cut-outs to pixels: sprites, their placing, shadows and blending."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from maskstream_model.data.synthetic.config import Image
from maskstream_model.data.synthetic.cutouts import CutoutSequence
from maskstream_model.data.synthetic.motion import Path
from maskstream_model.data.synthetic.pictures import TextureBank, colour_jitter
from maskstream_model.data.synthetic.shapes import Figure

PHASES = 24
MAX_CANVAS = 360


@dataclass(frozen=True)
class Cel:
    """One drawing: RGBA pixels, its middle (x, y), and frame pixels per pixel of it."""

    rgba: Image
    middle: Image
    scale: float


class Sprite(Protocol):
    """Something that can be drawn on any frame."""

    def cel(self, frame: int, phase: float) -> Cel:
        """Return the drawing for a frame at a phase of the limbs."""
        ...


class FigureSprite:
    """A figure painted with textures, shaded as a rounded body under one light."""

    def __init__(
        self, rng: np.random.Generator, figure: Figure, size: float, bank: TextureBank
    ) -> None:
        """Measure the figure over its cycle; `size` is the wanted diameter in frame pixels."""
        self._figure = figure
        turns = np.linspace(0, 2 * np.pi, 4, endpoint=False)
        corners = np.concatenate([p.outline for turn in turns for p in figure.pose(float(turn))])
        self._low, high = corners.min(axis=0), corners.max(axis=0)
        extent = np.maximum(high - self._low, 1e-3)
        unit = size / float(np.sqrt(extent.prod()))
        self._density = float(min(1.4 * unit, MAX_CANVAS / extent.max()))
        self._scale = unit / self._density
        self._shape = tuple(int(side * self._density) + 5 for side in extent[::-1])
        self._sheet = bank.crop(rng, *self._shape).astype(np.float32) - 128
        self._relief = rng.normal(0, 0.5, 2)
        slope = np.linspace(rng.uniform(0.8, 1.3), rng.uniform(0.55, 1.1), self._shape[0])
        self._light = slope.astype(np.float32)[:, None]
        self._cels: dict[int, Cel] = {}

    def cel(self, frame: int, phase: float) -> Cel:
        """Return the drawing, painted once for each of 24 phases."""
        step = round(phase / (2 * np.pi) * PHASES) % PHASES
        if step not in self._cels:
            rgba = self._paint(2 * np.pi * step / PHASES)
            middle = np.array(self._shape[::-1]) / 2
            self._cels[step] = Cel(rgba, middle, self._scale)
        return self._cels[step]

    def _paint(self, phase: float) -> Image:
        parts = np.zeros(self._shape, np.uint8)
        for part in self._figure.pose(phase):
            corners = ((part.outline - self._low) * self._density + 2) * 16
            cv2.fillPoly(parts, [np.rint(corners).astype(np.int32)], part.paint + 1, shift=4)
        paints = self._figure.paints
        colours = np.stack([paints[0].colour, *(p.colour for p in paints)]).astype(np.float32)
        texture = np.array([0.0, *(p.texture for p in paints)], np.float32)
        alpha = np.where(parts > 0, 255, 0).astype(np.uint8)
        pixels = colours[parts] + texture[parts][..., None] * self._sheet
        pixels *= (self._light * self._shade(alpha))[..., None]
        return np.dstack([np.clip(pixels, 0, 255).astype(np.uint8), alpha])

    def _shade(self, alpha: Image) -> Image:
        """Return factors (height, width): brighter where the round body faces the light."""
        reach = max(3, min(self._shape) // 4) | 1
        body = cv2.blur(alpha, (reach, reach)).astype(np.float32) / 255
        relief = self._relief[0] * (np.roll(body, reach // 3, 0) - body)
        relief += self._relief[1] * (np.roll(body, reach // 3, 1) - body)
        return np.asarray(0.78 + 0.25 * body + relief, np.float32)


class CutoutSprite:
    """A real object: its own frames, recoloured, stretched, played at some pace, back and forth."""

    def __init__(self, rng: np.random.Generator, sequence: CutoutSequence, size: float) -> None:
        """Choose the moment, the pace and the look; `size` is its diameter at the start."""
        self._frames = sequence.frames
        self._start = int(rng.integers(len(self._frames)))
        self._pace = float(rng.choice([0.5, 1.0, 1.0, 2.0])) * (1 if rng.random() < 0.6 else -1)
        self._unit = size / self._frames[self._start].diameter
        self._colour = colour_jitter(rng, 1.6 if rng.random() < 0.3 else 0.8)
        self._diameter = self._frames[self._start].diameter
        self._cels: dict[int, Cel] = {}

    def cel(self, frame: int, phase: float) -> Cel:
        """Return the drawing of the video frame that this frame shows."""
        span = max(2 * len(self._frames) - 2, 1)
        step = int(self._start + frame * self._pace) % span
        number = min(step, span - step) if step >= len(self._frames) else step
        if number not in self._cels:
            self._cels[number] = self._recolour(number)
        return self._cels[number]

    def _recolour(self, number: int) -> Cel:
        """Take the level nearest above the wanted size; keep growth within a factor of 1.6."""
        source = self._frames[number]
        growth = np.clip(source.diameter / self._diameter, 0.62, 1.6)
        wanted = self._unit * self._diameter * growth / source.diameter
        level = int(np.clip(np.floor(-np.log2(max(wanted, 1e-6)) + 0.2), 0, len(source.levels) - 1))
        rgba = source.levels[level]
        shrink = rgba.shape[1] / source.levels[0].shape[1]
        pixels = cv2.transform(rgba[..., :3], self._colour)
        return Cel(
            np.dstack([pixels, rgba[..., 3]]), source.middle * shrink, float(wanted / shrink)
        )


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


def _window(matrix: Image, shape: tuple[int, ...], limits: tuple[int, ...]) -> Image | None:
    """Return left, top, right, bottom of a placed cel inside the frame, or None outside it."""
    height, width = shape[:2]
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    x, y = matrix @ corners
    low = np.floor([max(x.min(), 0), max(y.min(), 0)]).astype(int)
    high = np.ceil([min(x.max(), limits[1]), min(y.max(), limits[0])]).astype(int)
    return None if (high - low < 1).any() else np.concatenate([low, high])


def _warped(pixels: Image, matrix: Image, window: Image) -> Image:
    local = matrix.copy()
    local[:, 2] -= window[:2]
    size = (int(window[2] - window[0]), int(window[3] - window[1]))
    return cv2.warpAffine(pixels, local, size, flags=cv2.INTER_LINEAR)


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
    factor = 1 - alpha.astype(np.float32) * (shadow.darkness / 255)
    left, top, right, bottom = window
    region = canvas[top:bottom, left:right]
    region[:] = (region * factor[..., None]).astype(np.uint8)


def paste(canvas: Image, owners: Image, cel: Cel, matrix: Image, number: int) -> None:
    """Blend a placed cel into `canvas` and write `number` into `owners` where it is opaque."""
    window = _window(matrix, cel.rgba.shape, canvas.shape)
    if window is None:
        return
    left, top, right, bottom = window
    patch = _warped(cel.rgba, matrix, window)
    region = canvas[top:bottom, left:right]
    alpha = patch[..., 3].astype(np.float32) / 255
    region[:] = cv2.blendLinear(
        np.ascontiguousarray(patch[..., :3]), region.copy(), alpha, 1 - alpha
    )
    owners[top:bottom, left:right][patch[..., 3] > 127] = number
