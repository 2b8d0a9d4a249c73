"""Pictures from disk, and the bank of textures that backgrounds and objects are cut from."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from maskstream_model.data.synthetic.config import Image
from maskstream_model.data.synthetic.textures import procedural_texture
from maskstream_model.errors import DatasetError

NUM_PROCEDURAL = 192
TEXTURE_SIZE = 256
MAX_SIDE = 480


def read_picture(path: Path, mode: str) -> Image:
    """Read a picture as `RGB` or `L`, uint8.

    Raises:
        DatasetError: the file cannot be read as a picture; the text names it.
    """
    try:
        with PillowImage.open(path) as picture:
            return np.array(picture.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise DatasetError(f"{path} cannot be read as a picture: {error}") from error


def colour_jitter(rng: np.random.Generator, strength: float) -> Image:
    """Draw a colour change as matrix (3, 4) for `cv2.transform`: light, contrast, hue mixing."""
    mix = np.eye(3) + strength * rng.normal(0, 0.16, (3, 3))
    mix /= mix.sum(axis=1, keepdims=True)
    gains = np.exp(strength * rng.normal(0, 0.12, (3, 1))) * np.exp(strength * rng.normal(0, 0.3))
    offset = strength * rng.normal(0, 14, (3, 1))
    return np.hstack([mix * gains, offset]).astype(np.float32)


class TextureBank:
    """Textures by number, made or read when first asked for; then kept."""

    def __init__(self, seed: int, pictures: tuple[Path, ...] = ()) -> None:
        """Prepare an endless-looking bank of `NUM_PROCEDURAL` textures and the given pictures."""
        self._seed = seed
        self._pictures = pictures
        self._made: dict[int, Image] = {}
        self._read: dict[int, Image] = {}

    def procedural(self, number: int) -> Image:
        """Return made texture `number`, uint8 (256, 256, 3)."""
        if number not in self._made:
            rng = np.random.default_rng([self._seed, 1, number])
            self._made[number] = procedural_texture(rng, TEXTURE_SIZE)
        return self._made[number]

    def picture(self, number: int) -> Image:
        """Return picture `number`, its longer side at most 480 pixels.

        Raises:
            DatasetError: the file cannot be read.
        """
        if number not in self._read:
            pixels = read_picture(self._pictures[number], "RGB")
            scale = min(1.0, MAX_SIDE / max(pixels.shape[:2]))
            size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
            self._read[number] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return self._read[number]

    def draw(self, rng: np.random.Generator, real: float = 0.5) -> Image:
        """Draw a whole texture; with chance `real` a picture, where there are any."""
        if self._pictures and rng.random() < real:
            return self.picture(int(rng.integers(len(self._pictures))))
        return self.procedural(int(rng.integers(NUM_PROCEDURAL)))

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


def list_pictures(folder: Path | None) -> tuple[Path, ...]:
    """List the .jpg, .jpeg and .png files below a folder, sorted; none for None.

    Raises:
        DatasetError: the folder is missing or holds no picture.
    """
    if folder is None:
        return ()
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder of pictures")
    endings = {".jpg", ".jpeg", ".png"}
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in endings))
    if not found:
        raise DatasetError(f"{folder} holds no .jpg or .png picture")
    return found
