"""The bank of textures that backgrounds and objects are cut from."""

from pathlib import Path

import cv2
import numpy as np

from maskstream_train.data.pictures import read_picture
from maskstream_train.data.synthetic.config import Image
from maskstream_train.data.synthetic.cutouts import Cutouts
from maskstream_train.data.synthetic.real_textures import FRAMES_OF_VIDEO, is_video, video_frames
from maskstream_train.data.synthetic.textures import procedural_texture

NUM_PROCEDURAL = 192
MAX_TEXTURE = 256
MAX_SIDE = 480
GRAIN_SLACK = 64


def colour_jitter(rng: np.random.Generator, strength: float) -> Image:
    """Draw a colour change as matrix (3, 4) for `cv2.transform`: light, contrast, hue mixing."""
    mix = np.eye(3) + strength * rng.normal(0, 0.16, (3, 3))
    mix /= mix.sum(axis=1, keepdims=True)
    gains = np.exp(strength * rng.normal(0, 0.12, (3, 1))) * np.exp(strength * rng.normal(0, 0.3))
    offset = strength * rng.normal(0, 14, (3, 1))
    return np.hstack([mix * gains, offset]).astype(np.float32)


def add(picture: Image, field: Image, weight: float) -> Image:
    """Return uint8 `picture` + `weight` * float32 `field` of the same shape, clipped."""
    return cv2.add(picture, field * np.float32(weight), dtype=cv2.CV_8U)


def shrunk(picture: Image) -> Image:
    """Return a picture uint8 (height, width, 3) with its longer side at most `MAX_SIDE` pixels."""
    scale = min(1.0, MAX_SIDE / max(picture.shape[:2]))
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


class TextureBank:
    """Textures by number, made or read when first asked for; then kept."""

    def __init__(
        self,
        seed: int,
        largest: tuple[int, int],
        pictures: tuple[Path, ...] = (),
        cutouts: Cutouts | None = None,
    ) -> None:
        """Prepare `NUM_PROCEDURAL` textures, the given files, and what is beside cut-outs.

        `pictures` are as `list_textures` returns them; `largest` is the (height, width) of the
        largest surface that noise will be asked for.
        """
        self._seed = seed
        self._size = min(max(largest), MAX_TEXTURE)
        self._field = (largest[0] + GRAIN_SLACK, largest[1] + GRAIN_SLACK)
        self._pictures = pictures
        self._cutouts = cutouts
        self._made: dict[int, Image] = {}
        self._read: dict[int, Image] = {}
        self._grain: Image | None = None

    def procedural(self, number: int) -> Image:
        """Return made texture `number`, uint8 (size, size, 3)."""
        if number not in self._made:
            rng = np.random.default_rng([self._seed, 1, number])
            self._made[number] = procedural_texture(rng, self._size)
        return self._made[number]

    def picture(self, number: int) -> Image:
        """Return picture `number`, or that frame of a video; its longer side at most 480 pixels.

        Raises:
            DatasetError: the file cannot be read.
        """
        if number not in self._read:
            path = self._pictures[number]
            if is_video(path):
                self._read_video(path)
            else:
                self._read[number] = shrunk(read_picture(path))
        return self._read[number]

    def _read_video(self, path: Path) -> None:
        """Keep all frames of a video, as it is opened once; where there are few, in turn."""
        frames = [shrunk(frame) for frame in video_frames(path)]
        first = self._pictures.index(path)
        for part in range(FRAMES_OF_VIDEO):
            self._read[first + part] = frames[part % len(frames)]

    def draw_real(self, rng: np.random.Generator) -> Image | None:
        """Draw a whole real picture; None where there is none."""
        if self._pictures and (self._cutouts is None or rng.random() < 0.5):
            return self.picture(int(rng.integers(len(self._pictures))))
        if self._cutouts is None:
            return None
        return self._cutouts.draw_background(rng)

    def draw(self, rng: np.random.Generator) -> Image:
        """Draw a whole texture: in half of the cases a real picture, where there are any."""
        real = self.draw_real(rng) if rng.random() < 0.5 else None
        return self.procedural(int(rng.integers(NUM_PROCEDURAL))) if real is None else real

    def grain(self, rng: np.random.Generator, height: int, width: int) -> Image:
        """Cut noise, float32 (height, width, 3), mean 0, std about 1, from a stored field.

        Fresh noise for each frame would cost as much as all else together.
        """
        if self._grain is None:
            maker = np.random.default_rng([self._seed, 2])
            colour = 0.45 * maker.standard_normal((*self._field, 3), dtype=np.float32)
            self._grain = colour + 0.9 * maker.standard_normal((*self._field, 1), dtype=np.float32)
        top, left = (int(v) for v in rng.integers(0, GRAIN_SLACK, 2))
        return self._grain[top : top + height, left : left + width]

    def crop(self, rng: np.random.Generator, height: int, width: int) -> Image:
        """Cut a turned, scaled, recoloured piece of a random texture, uint8 (height, width, 3)."""
        source = self.draw(rng)
        angle = rng.uniform(-0.3, 0.3) + np.pi / 2 * rng.integers(0, 4)
        scale = min(source.shape[:2]) / max(height, width) * rng.uniform(0.25, 1.1)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
        centre = matrix[:, :2] @ (width / 2, height / 2)
        matrix[:, 2] = rng.uniform(0.25, 0.75, 2) * source.shape[1::-1] - centre
        piece = cv2.warpAffine(
            source,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return cv2.transform(piece, colour_jitter(rng, 0.7))
