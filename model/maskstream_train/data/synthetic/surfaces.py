"""Flat surfaces: walls, floors and grounds, plain or textured."""

import cv2
import numpy as np

from maskstream_train.data.synthetic.bank import TextureBank, add
from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.textures import random_colour


def plain(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Image:
    """Grey-ish ground or wall with grain and slow changes of light."""
    colour = random_colour(rng, 0.2 if rng.random() < 0.75 else 0.7)
    coarse = rng.normal(0, rng.uniform(0, 6), (4, 6)).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = np.clip(colour, 0, 255).astype(np.uint8)
    grainy = add(canvas, bank.grain(rng, height, width), float(rng.uniform(0, 6)))
    return add(grainy, cv2.merge([field, field, field]), 1.0)


def surface(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Image:
    """Draw one flat surface, plain or textured, uint8 (height, width, 3)."""
    if rng.random() < 0.4:
        return plain(rng, bank, height, width)
    piece = bank.crop(rng, height, width)
    if rng.random() < 0.5:  # most walls and floors have little contrast
        mean = piece.mean(axis=(0, 1))
        keep = rng.uniform(0.15, 0.7)
        piece = cv2.convertScaleAbs(piece, alpha=keep, beta=float(mean.mean() * (1 - keep)))
    return piece


def in_perspective(rng: np.random.Generator, flat: Image) -> Image:
    """Lay a surface down as a floor that runs away from the camera."""
    height, width = flat.shape[:2]
    inset = width * rng.uniform(0.1, 0.42)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    floor = np.array([[0, 0], [width, 0], [width + inset, height], [-inset, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, floor)
    return cv2.warpPerspective(flat, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
