"""Animal-like figures: quadrupeds and birds, with swinging limbs."""

import numpy as np

from maskstream_train.data.synthetic.limbs import COATS, leg, natural_colour
from maskstream_train.data.synthetic.shapes import (
    Figure,
    Paint,
    Part,
    Point,
    ellipse,
    limb,
    moved_along,
    polygon,
)
from maskstream_train.data.synthetic.textures import random_colour

COAT, PATCH, DARK, LIGHT = range(4)


class _Quadruped:
    """Random measures of a four-legged animal; `spots (S, 4)` are places and radii of patches."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.length, self.girth = rng.uniform(0.55, 0.95), rng.uniform(0.24, 0.42)
        self.legs, self.leg_radius = rng.uniform(0.35, 0.75), rng.uniform(0.05, 0.1)
        self.neck_angle, self.neck = rng.uniform(1.4, 2.7), rng.uniform(0.15, 0.6)
        self.head, self.snout = rng.uniform(0.13, 0.22), rng.uniform(0.1, 0.3)
        self.stride, self.tail = rng.uniform(0.1, 0.7), rng.uniform(0.1, 0.6)
        self.ears_up, self.horned, grazes = rng.random(3) < (0.5, 0.2, 0.2)
        low, high = (-0.7, -0.6, 0.2, 0.2), (0.7, 0.4, 0.6, 0.7)
        self.spots = rng.uniform(low, high, (int(rng.integers(0, 5)), 4))
        if grazes:
            self.neck_angle = rng.uniform(0.5, 1.3)

    def pose(self, phase: float) -> list[Part]:
        """Return the parts, the far side first."""
        behind = [*self._legs(phase, far=True), self._tail(phase)]
        return [*behind, *self._trunk(), *self._legs(phase, far=False), *self._head(phase)]

    def _legs(self, phase: float, far: bool) -> list[Part]:
        parts = []
        lengths = (0.55 * self.legs, 0.6 * self.legs)
        for at, offset in ((-0.8, 0.0), (0.75, 2.2)):
            swing = self.stride * float(np.sin(phase + offset + (np.pi if far else 0.0)))
            hip = (at * self.length + (0.08 if far else -0.02), -0.1 + 0.4 * self.girth)
            outlines = leg(hip, swing, 0.5 * abs(swing), lengths, self.leg_radius)
            for number, outline in enumerate(outlines):
                parts.append(Part(outline, DARK if far or number == 2 else COAT))
        return parts

    def _tail(self, phase: float) -> Part:
        rump = (-0.95 * self.length, -0.2)
        tip = moved_along(rump, -0.6 + 0.4 * float(np.sin(phase)), self.tail)
        return Part(limb(rump, tip, 0.06, 0.04), DARK)

    def _trunk(self) -> list[Part]:
        length, girth = self.length, self.girth
        parts = [
            Part(limb((-0.75 * length, -0.12), (0.7 * length, -0.15), girth, girth), COAT),
            Part(ellipse((0.0, -0.1 + 0.6 * girth), (0.8 * length, 0.35 * girth)), LIGHT),
        ]
        for x, y, rx, ry in self.spots:
            blob = ellipse((x * length, -0.12 + y * girth), (rx * length * 0.5, ry * girth), x)
            parts.append(Part(blob, PATCH))
        return parts

    def _head(self, phase: float) -> list[Part]:
        head, chest = self.head, (0.85 * self.length, -0.2)
        nod = self.neck_angle + 0.08 * self.stride * float(np.sin(2 * phase))
        skull = moved_along(chest, nod, self.neck + head)
        muzzle = (skull[0] + head + self.snout, skull[1] + 0.35 * head + 0.5 * self.snout)
        rise = 1.9 if self.ears_up else 0.4
        ear = (skull[0] - 0.7 * head, skull[1] - rise * head)
        horn = (skull[0] + 0.2 * head, skull[1] - 2.3 * head)
        return [
            Part(limb(chest, skull, 0.85 * self.girth, head), COAT),
            Part(ellipse(skull, (1.15 * head, head)), COAT),
            Part(limb(skull, muzzle, 0.75 * head, 0.5 * head), LIGHT),
            Part(limb((skull[0] - 0.4 * head, skull[1] - 0.5 * head), ear, 0.08, 0.03), DARK),
            *([self._horn(skull, horn)] if self.horned else []),
            Part(ellipse((skull[0] + 0.5 * head, skull[1] - 0.2 * head), (0.03, 0.03)), DARK),
        ]

    def _horn(self, skull: Point, tip: Point) -> Part:
        return Part(limb((skull[0], skull[1] - 0.6 * self.head), tip, 0.05, 0.02), LIGHT)


def quadruped(rng: np.random.Generator) -> Figure:
    """Draw a four-legged animal, small dog to horse or cow, with a patched coat."""
    base = natural_colour(rng, COATS)
    paints = (
        Paint(base, rng.uniform(0.05, 0.5)),
        Paint(natural_colour(rng, COATS), rng.uniform(0.05, 0.4)),
        Paint(base * 0.6, 0.2),
        Paint(np.clip(base * 1.3 + 15, 0, 255).astype(np.float32), 0.1),
    )
    return Figure("quadruped", paints, _Quadruped(rng).pose)


def bird(rng: np.random.Generator) -> Figure:
    """Draw a bird that swims, stands or beats its wings."""
    plumage, wing, beak, leg = range(4)
    base = natural_colour(rng, COATS) if rng.random() < 0.7 else random_colour(rng)
    paints = (
        Paint(base, rng.uniform(0, 0.3)),
        Paint(np.clip(base * rng.uniform(0.6, 1.5), 0, 255).astype(np.float32), 0.3),
        Paint(np.array([220, rng.uniform(40, 170), 30], np.float32)),
        Paint(random_colour(rng, 0.5)),
    )
    neck, bend = rng.uniform(0.05, 0.8), rng.uniform(-0.5, 0.6)
    plump, flaps, stands = rng.uniform(0.25, 0.45), rng.random() < 0.3, rng.random() < 0.5

    def pose(phase: float) -> list[Part]:
        root, middle = (0.55, -0.05), (0.7 + 0.2 * bend, -0.1 - 0.5 * neck)
        crown = (0.72 - 0.1 * bend + 0.03 * float(np.sin(phase)), -0.2 - neck)
        parts = [Part(polygon((-0.6, -0.15), (-1.1, -0.3), (-1.0, 0.0), (-0.5, 0.2)), wing)]
        if stands:
            for x, swing in ((-0.1, 0.4), (0.1, -0.4)):
                foot = moved_along((x, 0.3), swing * float(np.sin(phase)), 0.6)
                parts.append(Part(limb((x, 0.25), foot, 0.05, 0.04), leg))
        parts.append(Part(ellipse((0.0, 0.05), (0.75, plump), -0.15), plumage))
        parts.append(Part(limb(root, middle, 0.2, 0.11), plumage))
        parts.append(Part(limb(middle, crown, 0.11, 0.1), plumage))
        tip = (crown[0] + 0.3, crown[1] + 0.06)
        parts.append(Part(limb(crown, tip, 0.08, 0.02), beak))
        parts.append(Part(ellipse(crown, (0.15, 0.13)), plumage))
        lift = -0.9 * float(np.sin(phase)) if flaps else 0.12
        feathers = polygon((0.35, -0.1), (-0.1, lift), (-0.8, lift * 0.9 - 0.02), (-0.3, 0.1))
        parts.append(Part(feathers, wing))
        return parts

    return Figure("bird", paints, pose)
