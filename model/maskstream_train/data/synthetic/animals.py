"""Birds."""

import numpy as np

from maskstream_train.data.synthetic.limbs import COATS, natural_colour
from maskstream_train.data.synthetic.shapes import (
    Figure,
    Paint,
    Part,
    ellipse,
    limb,
    moved_along,
    polygon,
)
from maskstream_train.data.synthetic.textures import random_colour


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
