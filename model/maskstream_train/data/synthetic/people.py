"""Person-like figures with swinging limbs."""

from collections.abc import Sequence

import numpy as np

from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.limbs import COATS, SKINS, arm, leg, natural_colour
from maskstream_train.data.synthetic.shapes import Figure, Paint, Part, box, ellipse, limb, polygon
from maskstream_train.data.synthetic.textures import random_colour

SKIN, SHIRT, TROUSERS, HAIR, SHOE, BAG = range(6)


class _Biped:
    """Random measures and clothes of a person; `sleeve` and `shin` are paints."""

    def __init__(self, rng: np.random.Generator) -> None:
        build, depth = rng.uniform(0.75, 1.5), rng.uniform(0.5, 1.0)
        self.width = 0.25 * build * (0.6 + 0.4 * depth)
        self.leg_radius, self.arm_radius = 0.105 * build, 0.07 * build
        self.from_front = depth > 0.75
        self.stride, self.sway = rng.uniform(0.05, 0.75), rng.uniform(0, 0.8)
        self.raised = rng.uniform(0, 3.0)
        traits = rng.random(5) < (0.2, 0.2, 0.3, 0.4, 0.3)
        self.waves, self.skirt, self.carries, self.long_hair, short = traits
        self.sleeve = SKIN if rng.random() < 0.4 else SHIRT
        self.shin = SKIN if short else TROUSERS

    @property
    def _lean(self) -> float:
        return 0.06 * self.stride

    def pose(self, phase: float) -> list[Part]:
        """Return the parts, the far side first."""
        far, near = ((self._leg(phase, side), self._arm(phase, side)) for side in (0, 1))
        return [*far[1], *far[0], *near[0], *self._torso(), *self._head(), *near[1]]

    def _swing(self, phase: float, side: int) -> float:
        return self.stride * float(np.sin(phase)) * (-1.0 if side else 1.0)

    def _leg(self, phase: float, side: int) -> list[Part]:
        hip = (0.4 * self.width * (1.0 if side else -1.0), 0.08)
        lift = max(0.0, float(np.cos(phase + np.pi * side)))
        bend = 0.25 * self.stride + 0.5 * self.stride * lift
        outlines = leg(hip, self._swing(phase, side), bend, (0.42, 0.42), self.leg_radius)
        return _painted(outlines, (TROUSERS, self.shin, SHOE))

    def _arm(self, phase: float, side: int) -> list[Part]:
        shoulder = (-0.75 * self.width, 0.75 * self.width)[side] if self.from_front else 0.0
        swing = -1.0 * self._swing(phase, side) * self.sway - 0.1 + 0.2 * side
        if self.waves and side:
            swing = self.raised + 0.4 * float(np.sin(2 * phase))
        bend = 0.3 + 0.5 * self.sway
        outlines = arm((shoulder + self._lean, -0.5), swing, bend, self.arm_radius)
        return _painted(outlines, (SHIRT, self.sleeve, SKIN))

    def _torso(self) -> list[Part]:
        lean, width = self._lean, self.width
        body = polygon(
            (lean - width, -0.55),
            (lean + width, -0.55),
            (0.85 * width, 0.16),
            (-0.85 * width, 0.16),
        )
        parts = [Part(body, SHIRT), Part(limb((lean, -0.55), (lean, -0.66), 0.08, 0.07), SKIN)]
        if self.skirt:
            flare = polygon((-0.8 * width, 0.0), (0.8 * width, 0.0), (0.34, 0.5), (-0.34, 0.5))
            parts.append(Part(flare, TROUSERS))
        if self.carries:
            parts.append(Part(box(lean - 1.25 * width, -0.5, lean - 0.2 * width, 0.0, 0.6), BAG))
        return parts

    def _head(self) -> list[Part]:
        lean = self._lean
        locks = Part(ellipse((1.5 * lean - 0.05, -0.72), (0.16, 0.25)), HAIR)
        return [
            *([locks] if self.long_hair else []),
            Part(ellipse((1.6 * lean + 0.02, -0.79), (0.125, 0.16)), SKIN),
            Part(ellipse((1.6 * lean - 0.025, -0.87), (0.14, 0.1), -0.2), HAIR),
        ]


def _painted(outlines: Sequence[Image], paints: Sequence[int]) -> list[Part]:
    return [Part(outline, paint) for outline, paint in zip(outlines, paints, strict=True)]


def biped(rng: np.random.Generator) -> Figure:
    """Draw a person: clothes of contrasting colours, any build, walking, standing or waving."""
    bold = rng.uniform(0, 0.9, 3)
    paints = (
        Paint(natural_colour(rng, SKINS), 0.08),
        Paint(random_colour(rng), bold[0]),
        Paint(random_colour(rng, 0.6), bold[1] * 0.6),
        Paint(natural_colour(rng, COATS), 0.2),
        Paint(random_colour(rng, 0.5), 0.1),
        Paint(random_colour(rng), bold[2]),
    )
    return Figure("person", paints, _Biped(rng).pose)
