"""Limbs, and the colours of skin, hair and fur."""

import numpy as np

from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.shapes import Point, ellipse, limb, moved_along

SKINS = ((236, 202, 178), (206, 160, 128), (160, 112, 80), (96, 64, 46))
COATS = (
    (70, 46, 30),
    (140, 96, 58),
    (205, 170, 120),
    (235, 230, 222),
    (35, 32, 32),
    (128, 120, 112),
)


def natural_colour(rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]) -> Image:
    """Draw a colour near one of the given."""
    base = np.asarray(colours[int(rng.integers(len(colours)))], np.float32)
    return np.clip(base * rng.uniform(0.75, 1.15) + rng.normal(0, 6, 3), 0, 255).astype(np.float32)


def leg(hip: Point, swing: float, bend: float, lengths: Point, radius: float) -> list[Image]:
    """Return thigh, shin and foot; the foot points to +x."""
    knee = moved_along(hip, swing, lengths[0])
    ankle = moved_along(knee, swing - bend, lengths[1])
    toe = (ankle[0] + 2.0 * radius, ankle[1] + 0.3 * radius)
    return [
        limb(hip, knee, radius, 0.75 * radius),
        limb(knee, ankle, 0.75 * radius, 0.5 * radius),
        limb(ankle, toe, 0.6 * radius, 0.45 * radius),
    ]


def arm(shoulder: Point, swing: float, bend: float, radius: float) -> list[Image]:
    """Return upper arm, forearm and hand."""
    elbow = moved_along(shoulder, swing, 0.33)
    hand = moved_along(elbow, swing + bend, 0.3)
    return [
        limb(shoulder, elbow, radius, 0.8 * radius),
        limb(elbow, hand, 0.75 * radius, 0.55 * radius),
        ellipse(hand, (0.07, 0.06), corners=10),
    ]
