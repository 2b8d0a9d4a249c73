"""How the camera moves, and when it takes frames."""

from dataclasses import dataclass

import numpy as np

from maskstream_train.data.synthetic.config import Image, SyntheticConfig


@dataclass(frozen=True)
class Camera:
    """Camera over time: `shift` (T, 2) in pixels, `zoom` (T,), `roll` (T,) in radians."""

    shift: Image
    zoom: Image
    roll: Image

    def matrix(self, frame: int, centre: Image, parallax: float = 1.0) -> Image:
        """Return (2, 3) from world pixels (0 in the middle of the frame) to frame pixels."""
        zoom, roll = self.zoom[frame], self.roll[frame]
        cos, sin = zoom * np.cos(roll), zoom * np.sin(roll)
        turn = np.array([[cos, -sin], [sin, cos]])
        offset = centre - turn @ (parallax * self.shift[frame])
        return np.asarray(np.column_stack([turn, offset]))


def frame_times(rng: np.random.Generator, num_frames: int) -> Image:
    """Return the time of each frame; now and then frames are dropped or repeated."""
    steps = np.ones(num_frames)
    if rng.random() < 0.08:
        steps = rng.choice([0.0, 1.0, 2.0], num_frames, p=[0.15, 0.7, 0.15])
    return np.asarray(np.cumsum(steps) - steps[0])


def max_reach(num_frames: int) -> float:
    """Return how far, in frame sizes, a camera moves at most; little in short clips."""
    return min(0.22, 0.03 * num_frames)


def draw_camera(rng: np.random.Generator, config: SyntheticConfig, still: bool) -> Camera:
    """Draw pan, zoom, roll and shake; `still` leaves at most a trace of shake."""
    count = config.num_frames
    time = np.arange(count) / max(count - 1, 1)
    size = np.array([config.width, config.height])
    shake = rng.normal(0, 1, (count, 2)) * (0.4 if rng.random() < 0.15 else 0.0)
    if still:
        return Camera(shake * 0.5, np.ones(count), np.zeros(count))
    limit = max_reach(count) * size
    reach = max_reach(count) * config.speed
    pan = reach * rng.normal(0, 0.6, 2) * size
    bend = reach * rng.normal(0, 0.25, 2) * size
    shift = np.clip(time[:, None] - rng.random(), -1, 1) * pan
    shift = shift + np.sin(time[:, None] * rng.uniform(1, 6) + rng.uniform(0, 6)) * bend
    if rng.random() < 0.25:
        shake = rng.normal(0, rng.uniform(0.3, 2.0) * config.height / 128, (count, 2))
    zoom = np.exp((time - 0.5) * rng.normal(0, min(0.2, 0.03 * count)) * (rng.random() < 0.5))
    roll = (time - 0.5) * rng.normal(0, min(0.12, 0.02 * count)) * (rng.random() < 0.4)
    return Camera(np.clip(shift, -limit, limit) + shake, zoom, roll)
