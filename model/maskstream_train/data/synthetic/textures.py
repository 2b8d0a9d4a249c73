"""Procedural textures: noise, dead leaves, cells, stripes, sine networks and plain surfaces.

After the findings of "Learning to See by Looking at Noise" (arXiv 2106.05963): what counts is
natural statistics and, above all, diversity.
"""

import colorsys
from collections.abc import Callable

import cv2
import numpy as np

from maskstream_train.data.synthetic.config import Image

Family = Callable[[np.random.Generator, int], Image]


def random_colour(rng: np.random.Generator, max_saturation: float = 0.85) -> Image:
    """Draw a colour, float32 (3,) 0 to 255; most of the world is not very saturated."""
    saturation = max_saturation * rng.random() ** 2
    rgb = colorsys.hsv_to_rgb(rng.random(), saturation, 0.12 + 0.86 * rng.random())
    return 255 * np.asarray(rgb, np.float32)


def fractal_noise(rng: np.random.Generator, size: int, persistence: float) -> Image:
    """Sum octaves of smooth noise; `persistence` 0.3 is cloudy, 0.9 is grainy. Mean 0, std 1."""
    total = np.zeros((size, size), np.float32)
    amplitude = 1.0
    cells = int(rng.integers(2, 5))
    while cells <= size:
        grid = rng.standard_normal((cells, cells), dtype=np.float32)
        total += amplitude * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        amplitude *= persistence
        cells *= 2
    return np.asarray((total - total.mean()) / (total.std() + 1e-6))


def colourise(rng: np.random.Generator, values: Image) -> Image:
    """Map a scalar field (any range) through a random ramp of 2 to 4 colours."""
    stops = np.stack([random_colour(rng) for _ in range(int(rng.integers(2, 5)))])
    if rng.random() < 0.5:  # neighbouring shades of one colour, as most materials have
        stops = stops[:1] * rng.uniform(0.55, 1.3, (len(stops), 1)).astype(np.float32)
    grid = np.linspace(-1.8, 1.8, len(stops))
    table = np.stack([np.interp(np.linspace(-2, 2, 256), grid, part) for part in stops.T], axis=1)
    index = np.clip(values * 64 + 128, 0, 255).astype(np.uint8)
    return np.asarray(table.astype(np.float32)[index])


def clouds(rng: np.random.Generator, size: int) -> Image:
    """1/f noise of random roughness."""
    return colourise(rng, fractal_noise(rng, size, rng.uniform(0.3, 0.9)))


def plain(rng: np.random.Generator, size: int) -> Image:
    """Asphalt, plaster, paint: one colour, a little grain, a slow change of light, specks."""
    colour = random_colour(rng, 0.45)
    field = rng.uniform(0, 6) * rng.standard_normal((size, size), dtype=np.float32)
    field += rng.uniform(0, 12) * fractal_noise(rng, size, rng.uniform(0.2, 0.5))
    for _ in range(int(rng.integers(0, 25))):
        centre = [int(v) for v in rng.integers(0, size, 2)]
        cv2.circle(field, centre, int(rng.integers(0, 2)), float(rng.uniform(-50, 70)), -1)
    return np.asarray(colour + field[..., None])


def warped(rng: np.random.Generator, size: int) -> Image:
    """Stripes or noise, bent by noise: marble, wood, water."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    strength = rng.uniform(4, 40)
    rows += strength * fractal_noise(rng, size, 0.4)
    columns += strength * fractal_noise(rng, size, 0.4)
    if rng.random() < 0.5:
        source = fractal_noise(rng, size, 0.6)
        bent = cv2.remap(source, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    else:
        bent = 1.6 * np.sin(columns * rng.uniform(0.04, 0.5) + rows * rng.uniform(-0.1, 0.1))
    return colourise(rng, bent)


def dead_leaves(rng: np.random.Generator, size: int) -> Image:
    """Discs and polygons that occlude one another, radii by a power law."""
    canvas = np.empty((size, size, 3), np.float32)
    canvas[:] = random_colour(rng)
    palette = [random_colour(rng) for _ in range(int(rng.integers(3, 9)))]
    corners = int(rng.integers(3, 8))
    for radius in 3.0 / np.sqrt(rng.uniform(0.004, 0.5, 260)):
        centre = rng.uniform(0, size, 2)
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        shade = palette[int(rng.integers(len(palette)))] * rng.uniform(0.7, 1.2)
        cv2.fillPoly(canvas, [(centre + radius * ring).astype(np.int32)], shade.tolist())
    return canvas


def cells(rng: np.random.Generator, size: int) -> Image:
    """Voronoi cells, as stones and tiles, with or without joints."""
    points = np.full((size, size), 255, np.uint8)
    count = int(rng.integers(12, 160))
    points[rng.integers(0, size, count), rng.integers(0, size, count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 3)
    base, spread = random_colour(rng), rng.uniform(5, 70)
    shades = base + spread * rng.standard_normal((int(labels.max()) + 1, 3)).astype(np.float32)
    return np.asarray(shades[labels] * (1 - rng.uniform(-0.01, 0.03) * distance)[..., None])


def stripes(rng: np.random.Generator, size: int) -> Image:
    """Stripes, checks, planks or bricks with grain."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    across = float(rng.uniform(5, 40))
    along = across * float(rng.choice([1.0, 2.0, 6.0, 1e6]))
    row = np.floor(rows / across)
    column = np.floor((columns + row * along * rng.choice([0.0, 0.5, 0.37])) / along)
    shade = np.sin(row * rng.uniform(1, 9) + column * rng.uniform(1, 9) + rng.uniform(0, 6))
    joint = (rows % across < rng.uniform(0, 2)) | (columns % along < rng.uniform(0, 2))
    grain = rng.uniform(0, 0.5) * fractal_noise(rng, size, 0.7)
    return colourise(rng, shade * rng.uniform(0.2, 1.5) + grain - joint * rng.uniform(0, 1.5))


def sine_network(rng: np.random.Generator, size: int) -> Image:
    """A tiny random network of sines from position to colour."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    layer = np.stack(np.meshgrid(axis, axis), axis=-1)
    for width, gain in ((8, rng.uniform(2, 14)), (8, rng.uniform(0.5, 2)), (3, 1.0)):
        weights = gain * rng.standard_normal((layer.shape[-1], width), dtype=np.float32)
        layer = np.sin(layer @ weights + rng.uniform(0, 6, width).astype(np.float32))
    return np.asarray(127 + layer * rng.uniform(30, 110))


def fibres(rng: np.random.Generator, size: int) -> Image:
    """Grass, fur, cloth: noise smeared in one direction."""
    noise = rng.standard_normal((size, size), dtype=np.float32)
    length = int(rng.integers(5, 31))
    smeared = cv2.blur(noise, (1, length)) * np.sqrt(length)
    smeared += rng.uniform(0, 1.2) * fractal_noise(rng, size, 0.5)
    return colourise(rng, smeared * rng.uniform(0.3, 1.1))


FAMILIES: tuple[Family, ...] = (
    *(plain, plain, plain, clouds, clouds, warped),
    *(dead_leaves, cells, stripes, stripes, sine_network, fibres),
)


def procedural_texture(rng: np.random.Generator, size: int) -> Image:
    """Draw a texture, uint8 (size, size, 3)."""
    family = FAMILIES[int(rng.integers(len(FAMILIES)))]
    return np.clip(family(rng, size), 0, 255).astype(np.uint8)
