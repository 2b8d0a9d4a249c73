"""What vehicles are painted with."""

import numpy as np

from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.shapes import Paint
from maskstream_train.data.synthetic.textures import random_colour

BODY, SHADE, GLASS, TYRE, RIM, LAMP, TRIM = range(7)
"""Numbers of the paints that `vehicle_paints` draws."""
LACQUERS = (
    *((238, 238, 236), (235, 235, 238), (190, 194, 198), (150, 156, 160), (40, 42, 46)),
    *((28, 28, 30), (165, 22, 34), (30, 60, 130), (120, 170, 176), (70, 78, 84)),
)


def _lacquer(rng: np.random.Generator) -> Image:
    if rng.random() < 0.25:
        return random_colour(rng)
    base = np.asarray(LACQUERS[int(rng.integers(len(LACQUERS)))], np.float32)
    return np.clip(base * rng.uniform(0.85, 1.1) + rng.normal(0, 5, 3), 0, 255).astype(np.float32)


def _glass(rng: np.random.Generator) -> Image:
    """Dark, or bright where it mirrors the sky."""
    tone = 25 + 200 * rng.random() ** 2
    return (tone * np.array([0.92, 1.0, 1.05]) + rng.normal(0, 4, 3)).astype(np.float32)


def vehicle_paints(rng: np.random.Generator) -> tuple[Paint, ...]:
    """Body, shade of the body, glass, tyre, rim, lamp, trim; most bodies are smooth."""
    body = _lacquer(rng)
    livery = rng.uniform(0.3, 1.0) if rng.random() < 0.2 else rng.uniform(0, 0.06)
    return (
        Paint(body, livery),
        Paint(body * rng.uniform(0.55, 0.92), livery * 0.5),
        Paint(_glass(rng), 0.12),
        Paint(np.full(3, rng.uniform(12, 45), np.float32)),
        Paint(np.full(3, rng.uniform(60, 200), np.float32), 0.1),
        Paint(np.array([rng.uniform(170, 255), rng.uniform(20, 230), 40], np.float32)),
        Paint(np.full(3, rng.uniform(15, 230), np.float32)),
    )
