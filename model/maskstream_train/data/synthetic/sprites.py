"""Sprites: figures painted with textures, and cut-outs played as they were filmed."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from maskstream_train.data.synthetic.bank import TextureBank, colour_jitter
from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.cutouts import CutoutSequence
from maskstream_train.data.synthetic.shapes import Figure

PHASES = 24
"""Poses of a turn that are painted."""
MAX_CANVAS = 360
"""Longest side in pixels that a pose is painted at."""
OVERSAMPLING = 1.25
"""Pixels of a drawing per pixel of the frame, so that turning it does not blur it."""


@dataclass(frozen=True)
class Cel:
    """One drawing: RGBA pixels, its middle (x, y), and frame pixels per pixel of it."""

    rgba: Image
    middle: Image
    scale: float


class Sprite(Protocol):
    """Something that can be drawn on any frame.

    Attributes:
        reach: no pixel of it is further from its place than this, at scale 1, in frame pixels.
    """

    reach: float

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
        extremes = [*figure.pose(np.pi / 2), *figure.pose(3 * np.pi / 2)]
        corners = np.concatenate([part.outline for part in extremes])
        low, high = corners.min(axis=0), corners.max(axis=0)
        extent = 1.06 * np.maximum(high - low, 1e-3)
        self._low = (low + high - extent) / 2
        unit = size / float(np.sqrt(extent[0] * extent[1]))
        self._density = float(min(OVERSAMPLING * unit, MAX_CANVAS / extent.max()))
        self._scale = unit / self._density
        self._shape = (int(extent[1] * self._density) + 4, int(extent[0] * self._density) + 4)
        self._sheet = bank.crop(rng, *self._shape)
        self.reach = 0.5 * self._scale * sum(self._shape)
        self._relief = rng.normal(0, 0.5, 2) * figure.roundness
        self._round = 0.25 * figure.roundness
        slope = np.linspace(rng.uniform(0.85, 1.3), rng.uniform(0.6, 1.1), self._shape[0])
        self._light = slope.astype(np.float32)[:, None]
        self._cels: dict[int, Cel] = {}

    def cel(self, frame: int, phase: float) -> Cel:
        """Return the drawing, painted once for each of 24 phases."""
        turns = phase / (2 * np.pi) if self._figure.moves else 0.0
        step = round(turns * PHASES) % PHASES
        if step not in self._cels:
            rgba = self._paint(2 * np.pi * step / PHASES)
            self._cels[step] = Cel(rgba, np.array(self._shape[::-1]) / 2, self._scale)
        return self._cels[step]

    def _paint(self, phase: float) -> Image:
        """Fill the parts with paint numbers, look up colours, add texture, then light."""
        parts = np.zeros(self._shape, np.uint8)
        for part in self._figure.pose(phase):
            corners = (part.outline - self._low) * (16 * self._density) + 32
            cv2.fillPoly(parts, [corners.astype(np.int32)], part.paint + 1, shift=4)
        paints = self._figure.paints
        colours = np.stack([paints[0].colour, *(p.colour for p in paints)]).astype(np.float32)
        texture = np.array([0.0, *(p.texture for p in paints)], np.float32)
        colours -= 128 * texture[:, None]
        pixels = np.take(colours, parts, axis=0)
        pixels += np.take(texture, parts)[..., None] * self._sheet
        alpha = cv2.threshold(parts, 0, 255, cv2.THRESH_BINARY)[1]
        light = self._light * self._shade(alpha)
        lit = cv2.multiply(pixels, cv2.merge([light, light, light]), dtype=cv2.CV_8U)
        return np.dstack([lit, alpha])

    def _shade(self, alpha: Image) -> Image:
        """Return factors (height, width): brighter where the round body faces the light."""
        reach = max(3, min(self._shape) // 4) | 1
        body = cv2.blur(alpha, (reach, reach)) * np.float32(1 / 255)
        step = reach // 3
        shade = (1 - self._round) + (self._round - self._relief.sum()) * body
        shade[step:] += self._relief[0] * body[:-step]
        shade[:, step:] += self._relief[1] * body[:, :-step]
        return np.asarray(shade, np.float32)


class CutoutSprite:
    """A real object: its own frames, recoloured, played at some pace, back and forth."""

    def __init__(
        self,
        rng: np.random.Generator,
        paint: np.random.Generator,
        sequence: CutoutSequence,
        size: float,
    ) -> None:
        """Choose moment and pace by `rng`, the look by `paint`.

        `size` is the object's diameter at the start, in frame pixels.
        """
        self._frames = sequence.frames
        self._start = int(rng.integers(len(self._frames)))
        self._pace = float(rng.choice([0.5, 1.0, 1.0, 2.0])) * (1 if rng.random() < 0.6 else -1)
        self._diameter = self._frames[self._start].diameter
        self._size = size
        self.reach = 3.0 * size
        self._colour = colour_jitter(paint, 1.4 if paint.random() < 0.2 else 0.6)
        self._second = self._draw_second_coat(paint) if paint.random() < 0.25 else None
        self._cels: dict[int, Cel] = {}

    @staticmethod
    def _draw_second_coat(rng: np.random.Generator) -> tuple[Image, Image, float]:
        """Draw other colours for one side of a line: parts in contrast are still one object."""
        return colour_jitter(rng, 1.6), rng.normal(0, 1, 2), float(rng.normal(0, 0.3))

    def cel(self, frame: int, phase: float) -> Cel:
        """Return the drawing of the video frame that this frame shows."""
        last = len(self._frames) - 1
        step = int(self._start + frame * self._pace) % max(2 * last, 1)
        number = min(step, 2 * last - step) if last else 0
        if number not in self._cels:
            self._cels[number] = self._recoloured(number)
        return self._cels[number]

    def _recoloured(self, number: int) -> Cel:
        """Take the level next above the wanted size; limit growth to a factor of 1.6."""
        source = self._frames[number]
        growth = min(max(source.diameter / self._diameter, 0.62), 1.6)
        wanted = self._size * growth / source.diameter
        level = int(max(0.0, np.floor(0.2 - np.log2(wanted))))
        rgba = source.levels[min(level, len(source.levels) - 1)]
        shrink = rgba.shape[1] / source.levels[0].shape[1]
        pixels = cv2.transform(rgba[..., :3], self._colour)
        if self._second is not None:
            colour, normal, offset = self._second
            across = np.linspace(-1, 1, rgba.shape[1]) * normal[0]
            side = np.linspace(-1, 1, rgba.shape[0])[:, None] * normal[1] + across > offset
            pixels[side] = cv2.transform(pixels, colour)[side]
        return Cel(np.dstack([pixels, rgba[..., 3]]), source.middle * shrink, wanted / shrink)
