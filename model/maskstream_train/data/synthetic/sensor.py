"""What a camera does to a picture: blur, noise, drift of light and colour, compression."""

import cv2
import numpy as np

from maskstream_train.data.synthetic.bank import TextureBank, add
from maskstream_train.data.synthetic.config import Image


class Sensor:
    """One clip's camera electronics; called once for each frame, in any order."""

    def __init__(
        self, rng: np.random.Generator, strength: float, num_frames: int, bank: TextureBank
    ) -> None:
        """Draw the faults; `strength` 0 for none, 1 as in cheap cameras."""
        self._bank = bank
        self._gains = self._draw_gains(rng, strength, num_frames)
        self._gamma = float(np.exp(rng.normal(0, 0.12 * strength)))
        self._grey = strength > 0 and rng.random() < 0.04
        self._blur = float(rng.uniform(0, 1.1)) * strength if rng.random() < 0.5 else 0.0
        self._shrink = float(rng.uniform(0.45, 0.9)) if rng.random() < 0.15 * strength else 1.0
        self._quality = int(rng.integers(25, 91)) if rng.random() < 0.35 * strength else None
        noise = rng.uniform(0, 9) * strength if rng.random() < 0.7 else 0.0
        self._noise = noise
        self._seeds = rng.integers(0, 2**31 - 1, num_frames)

    @staticmethod
    def _draw_gains(rng: np.random.Generator, strength: float, num_frames: int) -> Image:
        """Return gains (T, 3): slow drift, and now and then a step of exposure."""
        time = np.arange(num_frames) / max(num_frames - 1, 1)
        slow = min(1.0, 0.15 * num_frames) * strength
        drift = rng.normal(0, 0.04, (1, 3)) * slow * np.sin(time * 4 + rng.uniform(0, 6))[:, None]
        light = rng.normal(0, 0.07) * slow * np.sin(time * 5 + rng.uniform(0, 6))
        if rng.random() < 0.15:
            light = light + rng.normal(0, 0.18) * strength * (time > rng.random())
        return np.asarray(np.exp(drift + light[:, None]))

    def __call__(self, picture: Image, frame: int) -> Image:
        """Return the frame as this camera would deliver it, uint8 (height, width, 3)."""
        height, width = picture.shape[:2]
        if self._shrink < 1:
            small = cv2.resize(picture, None, fx=self._shrink, fy=self._shrink)
            picture = cv2.resize(small, (width, height))
        if self._blur > 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), self._blur)
        picture = self._expose(picture, frame)
        if self._noise > 0.5:
            picture = self._add_noise(picture, frame)
        if self._quality is not None:
            done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if done else None
            picture = picture if decoded is None else decoded
        return picture

    def _expose(self, picture: Image, frame: int) -> Image:
        if self._grey:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        levels = np.linspace(0, 1, 256) ** self._gamma * 255
        table = np.clip(levels[:, None] * self._gains[frame], 0, 255).astype(np.uint8)
        return cv2.LUT(picture, table[None])

    def _add_noise(self, picture: Image, frame: int) -> Image:
        rng = np.random.default_rng(int(self._seeds[frame]))
        return add(picture, self._bank.grain(rng, *picture.shape[:2]), self._noise)
