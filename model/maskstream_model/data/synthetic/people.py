"""Person-like figures with swinging limbs."""

import numpy as np

from maskstream_model.data.synthetic.config import PERSON
from maskstream_model.data.synthetic.limbs import COATS, SKINS, arm, leg, natural_colour
from maskstream_model.data.synthetic.shapes import Figure, Paint, Part, box, ellipse, limb, polygon
from maskstream_model.data.synthetic.textures import random_colour


def biped(rng: np.random.Generator) -> Figure:
    """Draw a person: clothes of contrasting colours, any build, walking, standing or waving."""
    skin, shirt, trousers, hair, shoe, bag = range(6)
    bold = rng.uniform(0, 0.9, 3)
    paints = (
        Paint(natural_colour(rng, SKINS), 0.08),
        Paint(random_colour(rng), bold[0]),
        Paint(random_colour(rng, 0.6), bold[1] * 0.6),
        Paint(natural_colour(rng, COATS), 0.2),
        Paint(random_colour(rng, 0.5), 0.1),
        Paint(random_colour(rng), bold[2]),
    )
    build, depth = rng.uniform(0.75, 1.5), rng.uniform(0.5, 1.0)
    stride, sway, raised = rng.uniform(0.05, 0.75), rng.uniform(0, 0.8), rng.uniform(0, 3.0)
    waves, skirt, carries, long_hair, short = rng.random(5) < (0.2, 0.2, 0.3, 0.4, 0.3)
    sleeve = skin if rng.random() < 0.4 else shirt
    shin = skin if short else trousers
    leg_radius, arm_radius, width = 0.105 * build, 0.07 * build, 0.25 * build * (0.6 + 0.4 * depth)

    def pose(phase: float) -> list[Part]:
        parts: list[Part] = []
        swing = stride * float(np.sin(phase))
        shoulders = (-0.75 * width, 0.75 * width) if depth > 0.75 else (0.0, 0.0)
        lean = 0.06 * stride
        for side, (hip_x, angle) in enumerate(((-0.4 * width, swing), (0.4 * width, -swing))):
            bend = 0.25 * stride + 0.5 * stride * max(0.0, float(np.cos(phase + np.pi * side)))
            outlines = leg((hip_x, 0.08), angle, bend, (0.42, 0.42), leg_radius)
            arm_swing = -1.0 * angle * sway - 0.1 + 0.2 * side
            if waves and side:
                arm_swing = raised + 0.4 * float(np.sin(2 * phase))
            arm_outlines = arm(
                (shoulders[side] + lean, -0.5), arm_swing, 0.3 + 0.5 * sway, arm_radius
            )
            limbs = [Part(o, p) for o, p in zip(outlines, (trousers, shin, shoe), strict=True)]
            limbs += [Part(o, p) for o, p in zip(arm_outlines, (shirt, sleeve, skin), strict=True)]
            if side:
                parts += limbs[:3] + torso(lean) + limbs[3:]
            else:
                parts += limbs[3:] + limbs[:3]
        return parts

    def torso(lean: float) -> list[Part]:
        body = polygon(
            (lean - width, -0.55),
            (lean + width, -0.55),
            (0.85 * width, 0.16),
            (-0.85 * width, 0.16),
        )
        parts = [Part(body, shirt), Part(limb((lean, -0.55), (lean, -0.66), 0.08, 0.07), skin)]
        if skirt:
            flare = polygon((-0.8 * width, 0.0), (0.8 * width, 0.0), (0.34, 0.5), (-0.34, 0.5))
            parts.append(Part(flare, trousers))
        if carries:
            parts.append(Part(box(lean - 1.25 * width, -0.5, lean - 0.2 * width, 0.0, 0.6), bag))
        if long_hair:
            parts.append(Part(ellipse((1.5 * lean - 0.05, -0.72), (0.16, 0.25)), hair))
        parts.append(Part(ellipse((1.6 * lean + 0.02, -0.79), (0.125, 0.16)), skin))
        parts.append(Part(ellipse((1.6 * lean - 0.025, -0.87), (0.14, 0.1), -0.2), hair))
        return parts

    return Figure(PERSON, paints, pose)
