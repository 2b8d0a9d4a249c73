"""Backgrounds: rooms, real pictures and roads, with unlabelled clutter."""

import cv2
import numpy as np

from maskstream_train.data.synthetic.bank import TextureBank, colour_jitter
from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.roads import road
from maskstream_train.data.synthetic.surfaces import in_perspective, surface
from maskstream_train.data.synthetic.textures import random_colour


def room(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Image:
    """A wall or sky over a floor or ground, with a horizon that need not be level."""
    canvas = surface(rng, bank, height, width)
    horizon = int(height * rng.uniform(0.3, 0.65))
    floor = in_perspective(rng, surface(rng, bank, height - horizon, width))
    tilt = int(rng.normal(0, 0.04) * height)
    ground = np.zeros((height, width), np.uint8)
    edge = [[0, horizon + abs(tilt)], [width, horizon + abs(tilt) + tilt], [width, height]]
    cv2.fillPoly(ground, [np.array([*edge, [0, height]], np.int32)], 1)
    below = ground[horizon:] > 0
    canvas[horizon:][below] = floor[below]
    if rng.random() < 0.4:
        colour = random_colour(rng, 0.4).tolist()
        cv2.line(canvas, edge[0], edge[1], colour, int(rng.integers(1, 5)))
    return canvas


def picture(rng: np.random.Generator, source: Image, height: int, width: int) -> Image:
    """Cut a random view of the wanted shape out of a real picture."""
    tall, wide = source.shape[:2]
    scale = min(tall / height, wide / width) * rng.uniform(0.55, 1.0)
    rows, columns = max(2, int(height * scale)), max(2, int(width * scale))
    top, left = int(rng.integers(tall - rows + 1)), int(rng.integers(wide - columns + 1))
    crop = source[top : top + rows, left : left + columns]
    view = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
    view = cv2.transform(view, colour_jitter(rng, 0.6))
    return np.ascontiguousarray(view[:, ::-1]) if rng.random() < 0.5 else view


def add_clutter(rng: np.random.Generator, canvas: Image, bank: TextureBank, count: int) -> None:
    """Draw flat unlabelled things on a background: boards, bars, lines, patches, stains."""
    height, width = canvas.shape[:2]
    for _ in range(count):
        kind = rng.random()
        x, y = int(rng.uniform(-0.1, 1) * width), int(rng.uniform(-0.1, 1) * height)
        colour = random_colour(rng, 0.6).tolist()
        if kind < 0.35:
            end = (x + int(rng.normal(0, 0.5) * width), y + int(rng.normal(0, 0.4) * height))
            cv2.line(canvas, (x, y), end, colour, int(rng.integers(1, 5)), cv2.LINE_AA)
        elif kind < 0.55:
            wide = int(rng.uniform(0.01, 0.08) * width)
            cv2.rectangle(
                canvas, (x, 0), (x + wide, int(rng.uniform(0.3, 1.2) * height)), colour, -1
            )
        elif kind < 0.85:
            _board(rng, canvas, bank, (x, y))
        else:
            stain = canvas.copy()
            radii = [max(2, int(v * height)) for v in rng.uniform(0.02, 0.25, 2)]
            cv2.ellipse(stain, (x, y), radii, float(rng.uniform(0, 180)), 0, 360, colour, -1)
            mix = float(rng.uniform(0.1, 0.4))
            cv2.addWeighted(stain, mix, canvas, 1 - mix, 0, dst=canvas)


def _board(
    rng: np.random.Generator, canvas: Image, bank: TextureBank, corner: tuple[int, int]
) -> None:
    """Paste a flat textured rectangle: a window, poster, door or table top."""
    height, width = canvas.shape[:2]
    left, top = max(corner[0], 0), max(corner[1], 0)
    right = min(width, left + int(rng.uniform(0.04, 0.35) * width))
    bottom = min(height, top + int(rng.uniform(0.04, 0.5) * height))
    if right - left < 3 or bottom - top < 3:
        return
    canvas[top:bottom, left:right] = surface(rng, bank, bottom - top, right - left)
    if rng.random() < 0.6:
        frame = random_colour(rng, 0.5).tolist()
        cv2.rectangle(canvas, (left, top), (right, bottom), frame, int(rng.integers(1, 4)))


def lit(rng: np.random.Generator, canvas: Image) -> Image:
    """Light a background unevenly: a slope or a spot of light, or evenly."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.4:
        return canvas
    coarse = np.exp(rng.normal(0, rng.uniform(0.05, 0.3), (2, 3))).astype(np.float32)
    light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(canvas, cv2.merge([light, light, light]), dtype=cv2.CV_8U)


def background(
    rng: np.random.Generator, bank: TextureBank, size: tuple[int, int], from_above: bool
) -> Image:
    """Draw a background of `size` (height, width); `from_above` as fixed cameras see a road."""
    if from_above:
        canvas = road(rng, bank, *size)
        add_clutter(rng, canvas, bank, int(rng.integers(0, 3)))
        return lit(rng, canvas)
    real = bank.draw_real(rng) if rng.random() < 0.45 else None
    if real is not None:
        return picture(rng, real, *size)
    canvas = room(rng, bank, *size) if rng.random() < 0.6 else surface(rng, bank, *size)
    add_clutter(rng, canvas, bank, int(rng.integers(0, 11)))
    return lit(rng, canvas)
