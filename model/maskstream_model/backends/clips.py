"""Fixed clips of the comparison with eager: textured shapes that move over a textured ground."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Frame, Size

NUM_SHAPES = 5


def clip(size: Size, num_frames: int, seed: int) -> list[Frame]:
    """Return frames of `size`; a function of its arguments alone."""
    rng = np.random.default_rng(seed)
    ground = _texture(rng, size, 60)
    shapes = [_Shape(rng, size) for _ in range(NUM_SHAPES)]
    frames = []
    for time in range(num_frames):
        frame = ground.copy()
        for shape in shapes:
            shape.draw(frame, time)
        frames.append(frame.astype(np.uint8))
    return frames


class _Shape:
    """An ellipse or a rectangle with a texture of its own, on a straight way."""

    def __init__(self, rng: np.random.Generator, size: Size) -> None:
        height, width = size
        self.round = bool(rng.integers(2))
        self.centre = rng.uniform((0.2, 0.2), (0.8, 0.8)) * size
        self.speed = rng.uniform(-0.02, 0.02, 2) * size
        self.radii = np.maximum(rng.uniform(0.08, 0.2, 2) * min(size), 2.0)
        self.texture = _texture(rng, size, 110)
        rows, columns = np.mgrid[:height, :width]
        self.cells = rows, columns

    def draw(self, frame: npt.NDArray[np.float32], time: int) -> None:
        """Paint it onto a frame."""
        centre = self.centre + time * self.speed
        offsets = [
            (cells - middle) / radius
            for cells, middle, radius in zip(self.cells, centre, self.radii, strict=True)
        ]
        if self.round:
            inside = offsets[0] ** 2 + offsets[1] ** 2 < 1
        else:
            inside = np.maximum(np.abs(offsets[0]), np.abs(offsets[1])) < 1
        frame[inside] = self.texture[inside]


def _texture(rng: np.random.Generator, size: Size, contrast: float) -> npt.NDArray[np.float32]:
    """Return a colour with waves over it, float32 `(*size, 3)` from 0 to 255."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    colour = rng.uniform(40, 215, 3)
    waves = np.zeros((*size, 3))
    for _ in range(3):
        across, down = rng.uniform(-0.2, 0.2, 2)
        phase, weight = rng.uniform(0, 6), rng.uniform(-1, 1, 3)
        waves += np.sin(across * columns + down * rows + phase)[..., None] * weight
    return np.clip(colour + contrast / 3 * waves, 0, 255).astype(np.float32)


def clips(size: Size, num_frames: int, count: int) -> Sequence[list[Frame]]:
    """Return different clips for so many sessions."""
    return [clip(size, num_frames, seed) for seed in range(count)]
