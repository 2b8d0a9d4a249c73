"""Other objects: blobs, bottles, balls, polygons and boxes, each of parts in contrast."""

import numpy as np

from maskstream_train.data.synthetic.shapes import (
    Figure,
    Paint,
    Part,
    box,
    ellipse,
    mirrored,
    polygon,
    wavy_ring,
)
from maskstream_train.data.synthetic.textures import random_colour


def _paints(rng: np.random.Generator, count: int) -> tuple[Paint, ...]:
    return tuple(Paint(random_colour(rng), 0.9 * rng.random() ** 1.5) for _ in range(count))


def blob(rng: np.random.Generator) -> Figure:
    """Draw a Fourier contour that breathes, with up to four regions inside."""
    orders = np.arange(1, 7)[:, None]
    terms = rng.normal(0, 0.3, (6, 2)) / orders
    drift = rng.normal(0, 0.12, (6, 2)) / orders
    squash, inner = rng.uniform(0.45, 1.0), int(rng.integers(0, 5))
    spots = rng.uniform(-0.55, 0.55, (inner, 2))
    radii = rng.uniform(0.1, 0.4, (inner, 2))

    def pose(phase: float) -> list[Part]:
        outline = wavy_ring(terms + drift * np.sin(phase)) * (1.0, squash)
        parts = [Part(outline, 0)]
        for number in range(inner):
            scale = float(radii[number, 0])
            inside = outline * scale + spots[number] * (1.0, squash)
            parts.append(Part(inside, 1 + number % 3))
        return parts

    return Figure("thing", _paints(rng, 4), pose, upright=False)


def bottle(rng: np.random.Generator) -> Figure:
    """Draw a turned body: bottle, vase, jar or lamp, with cap and label."""
    base, neck = rng.uniform(0.22, 0.5), rng.uniform(0.06, 0.2)
    shoulder, collar = rng.uniform(-0.5, 0.1), -0.85
    top, bottom = np.sort(rng.uniform(-0.2, 0.8, 2))
    waist = rng.uniform(0.75, 1.1)

    def pose(phase: float) -> list[Part]:
        body = mirrored(
            *(
                (neck, collar),
                (neck, collar + 0.15),
                (0.9 * base, shoulder),
                (base, shoulder + 0.2),
            ),
            *((waist * base, 0.4), (base, 0.9), (0.9 * base, 1.0)),
        )
        label = box(-0.9 * base, float(top), 0.9 * base, float(bottom))
        return [
            Part(body, 0),
            Part(label, 1),
            Part(box(-1.2 * neck, -1.0, 1.2 * neck, collar, 0.3), 2),
        ]

    return Figure("bottle", _paints(rng, 3), pose, upright=rng.random() < 0.8, moves=False)


def ball(rng: np.random.Generator) -> Figure:
    """Draw a rolling ball with panels."""
    panels, size = int(rng.integers(0, 6)), rng.uniform(0.25, 0.5)

    def pose(phase: float) -> list[Part]:
        parts = [Part(ellipse((0, 0), (1, 1), corners=32), 0)]
        for panel in range(panels):
            turn = phase + 2 * np.pi * panel / panels
            centre = (0.55 * float(np.cos(turn)), 0.55 * float(np.sin(turn)))
            parts.append(Part(ellipse(centre, (size, 0.6 * size), turn, 12), 1 + panel % 2))
        return parts

    return Figure("thing", _paints(rng, 3), pose, upright=False)


def crate(rng: np.random.Generator) -> Figure:
    """Draw a box of which three faces show, each in another light."""
    paint = _paints(rng, 1)[0]
    light = rng.permutation([0.6, 0.85, 1.1])
    paints = (*(Paint(paint.colour * k, paint.texture) for k in light), *_paints(rng, 1))
    width, depth, rise = rng.uniform(0.4, 1.0), rng.uniform(-0.6, 0.6), rng.uniform(0.15, 0.4)
    band = rng.random() < 0.5

    def pose(phase: float) -> list[Part]:
        w, d, top = width, depth, -0.6
        side = w if d > 0 else -w
        parts = [
            Part(box(-w, top, w, 1.0), 0),
            Part(polygon((-w, top), (w, top), (w + d, top - rise), (-w + d, top - rise)), 1),
            Part(
                polygon((side, top), (side + d, top - rise), (side + d, 1.0 - rise), (side, 1.0)), 2
            ),
        ]
        return [*parts, Part(box(-w, 0.0, w, 0.3), 3)] if band else parts

    return Figure("thing", paints, pose, moves=False)


def star(rng: np.random.Generator) -> Figure:
    """Draw a star, arrow-like or many-cornered polygon with a core."""
    corners = int(rng.integers(3, 10))
    radii = rng.uniform(0.45, 1.0, corners)
    turn = np.sort(rng.uniform(0, 0.5, corners) + np.arange(corners)) * 2 * np.pi / corners
    core = rng.uniform(0.3, 0.75)

    def pose(phase: float) -> list[Part]:
        pulse = radii * (1 + 0.08 * np.sin(phase + turn))
        ring = np.stack([pulse * np.cos(turn), pulse * np.sin(turn)], axis=1)
        return [Part(ring, 0), Part(ring * core, 1), Part(ring * core * 0.5, 2)]

    return Figure("thing", _paints(rng, 3), pose, upright=False)
