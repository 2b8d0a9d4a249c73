"""Roads from above: lanes, painted marks, and shadows of what is out of sight."""

from itertools import product

import cv2
import numpy as np

from maskstream_model.aliases import Floats
from maskstream_train.data.synthetic.bank import TextureBank
from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.surfaces import plain
from maskstream_train.data.synthetic.textures import random_colour


def road(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Image:
    """A plain ground from above, with lane marks, painted signs, shadows and specks."""
    canvas = plain(rng, bank, height, width)
    mark = np.full(3, rng.uniform(150, 255))
    if rng.random() < 0.6:
        _lanes(rng, canvas, mark)
    for place in [_mostly_at_border(rng, height, width) for _ in range(int(rng.integers(1, 4)))]:
        _mark_place(rng, canvas, place, mark)
    for _ in range(int(rng.integers(0, 25))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(canvas, centre, int(rng.integers(0, 2)), random_colour(rng, 0.3).tolist(), -1)
    return canvas


def _lanes(rng: np.random.Generator, canvas: Image, mark: Floats) -> None:
    """Draw five dashed parallel lines of colour `mark`."""
    height, width = canvas.shape[:2]
    angle, gap = rng.uniform(0, np.pi), rng.uniform(0.2, 0.8) * height
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    thick = int(rng.integers(1, max(3, height // 40)))
    dash = rng.uniform(0.08, 0.6) * height
    for lane, part in product(range(-2, 3), range(-4, 5)):
        start = np.array([width, height]) / 2 + lane * gap * across + part * 1.8 * dash * along
        first, last = start.astype(int), (start + dash * along).astype(int)
        cv2.line(canvas, first.tolist(), last.tolist(), mark.tolist(), thick)


def _mark_place(rng: np.random.Generator, canvas: Image, place: Floats, mark: Floats) -> None:
    """Put a shadow and painted signs near one place, where they can pass for a thing together."""
    if rng.random() < 0.4:
        _shade(rng, canvas, place)
    for _ in range(int(rng.integers(0, 3))):
        _paint(rng, canvas, place + rng.normal(0, 0.12, 2) * canvas.shape[0], mark)


def _paint(rng: np.random.Generator, canvas: Image, centre: Floats, mark: Floats) -> None:
    """Paint a bar, an arrow head or a letter's stroke of colour `mark` on a road."""
    angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.04, 0.25) * canvas.shape[0]
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    if rng.random() < 0.5:
        across = across * rng.uniform(0.06, 0.25)
        corners = [along + across, along - across, -along - across, -along + across]
    else:
        across = across * rng.uniform(0.1, 0.8)
        corners = [along, across, -along * rng.uniform(0, 1), -across][: int(rng.integers(3, 5))]
    points = (centre + size * np.array(corners)).astype(np.int32)
    colour = mark * rng.uniform(0.85, 1.05) * rng.uniform(0.95, 1.05, 3)
    cv2.fillPoly(canvas, [points], np.clip(colour, 0, 255).tolist(), cv2.LINE_AA)


def _mostly_at_border(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Draw a place (x, y): what a frame cuts off looks most like a thing that enters."""
    place = rng.uniform(-0.05, 1.05, 2) * (width, height)
    if rng.random() < 0.6:
        side = int(rng.integers(2))
        place[side] = rng.integers(2) * (width, height)[side]
    return place


def _shade(rng: np.random.Generator, canvas: Image, centre: Floats) -> None:
    """Darken a soft-edged spot, at times with a small black core: what casts it, hardly in view."""
    height, width = canvas.shape[:2]
    spot = np.zeros((height, width), np.float32)
    place = [int(v) for v in centre]
    radii = [max(2, int(v * height)) for v in rng.uniform(0.04, 0.4, 2)]
    angle = float(rng.uniform(-30, 30))
    cv2.ellipse(spot, place, radii, angle, 0, 360, 1.0, -1)
    softness = min(radii) * rng.uniform(0.1, 0.5)
    left = 1 - rng.uniform(0.3, 1.0) * cv2.GaussianBlur(spot, (0, 0), softness)
    if rng.random() < 0.5:  # nothing to be found, like the end of a car that is parked outside
        core = [max(1, int(v * height)) for v in rng.uniform((0.02, 0.01), (0.12, 0.04))]
        cv2.ellipse(left, place, core, angle, 0, 360, float(rng.uniform(0, 0.3)), -1, cv2.LINE_AA)
    cv2.multiply(canvas, cv2.merge([left, left, left]), dst=canvas, dtype=cv2.CV_8U)
