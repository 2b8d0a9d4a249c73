"""The generator: from a number to a scene, from a scene to an annotated clip."""

from dataclasses import dataclass

import cv2
import numpy as np

from maskstream_model.errors import ConfigError
from maskstream_train.data.synthetic import scenery
from maskstream_train.data.synthetic.bank import TextureBank
from maskstream_train.data.synthetic.camera import Camera, draw_camera, frame_times, max_reach
from maskstream_train.data.synthetic.casting import Cast, Casting
from maskstream_train.data.synthetic.config import Clip, Image, SyntheticConfig
from maskstream_train.data.synthetic.cutouts import CutoutLibrary, Cutouts
from maskstream_train.data.synthetic.motion import PathPlanner
from maskstream_train.data.synthetic.packed_cutouts import PackedCutouts
from maskstream_train.data.synthetic.real_textures import list_textures
from maskstream_train.data.synthetic.render import (
    Shadow,
    cast_shadow,
    is_far_outside,
    paste,
    placing,
    smear,
)
from maskstream_train.data.synthetic.sensor import Sensor


@dataclass(frozen=True)
class Scene:
    """All that a clip is drawn from."""

    background: Image
    distance: float
    camera: Camera
    cast: Cast
    shadow: Shadow | None
    sensor: Sensor
    shutter: float


class ClipGenerator:
    """An endless series of clips; each is a function of (config, seed, index) alone.

    Holds caches of textures and cut-outs only, so it may be pickled, copied into worker
    processes, and asked in any order.
    """

    def __init__(self, config: SyntheticConfig, seed: int, cutouts: Cutouts | None = None) -> None:
        """List the folders of the configuration; pixels are read when first needed.

        Args:
            config: of the clips.
            seed: of all draws.
            cutouts: those of the configuration, where another generator has opened them.

        Raises:
            ConfigError: a negative seed.
            DatasetError: a folder that is missing or not laid out as expected.
        """
        if seed < 0:
            raise ConfigError(f"seed must not be negative, not {seed}")
        self.config = config
        self.seed = seed
        self.cutouts = cutouts or open_cutouts(config)
        pictures = list_textures(config.textures) if config.textures else ()
        self._bank = TextureBank(seed, self._stage(False), pictures, self.cutouts)

    def __reduce__(self) -> tuple[type["ClipGenerator"], tuple[SyntheticConfig, int]]:
        """Pickle without the caches, which a worker fills for itself."""
        return type(self), (self.config, self.seed)

    def clip(self, index: int) -> Clip:
        """Return clip `index` (from 0).

        Raises:
            DatasetError: a file of the cut-outs or textures cannot be read.
        """
        scene = self._scene(np.random.default_rng([self.seed, 0, index]))
        config = self.config
        frames = np.empty((config.num_frames, config.height, config.width, 3), np.uint8)
        owners = np.zeros(frames.shape[:3], np.uint8)
        for frame in range(config.num_frames):
            frames[frame] = scene.sensor(self._draw(scene, frame, owners[frame]), frame)
        return annotate(frames, owners, scene.cast.labels, config.min_visible_px)

    def _stage(self, still: bool) -> tuple[int, int]:
        """Return (height, width) of backgrounds: the frame, and where the camera may turn to."""
        reach = 1.04 if still else 1.08 + 2 * max_reach(self.config.num_frames)
        return int(self.config.height * reach), int(self.config.width * reach)

    def _scene(self, rng: np.random.Generator) -> Scene:
        config = self.config
        from_above = rng.random() < config.surveillance_ratio
        still = from_above or rng.random() < 0.3
        camera = draw_camera(rng, config, still)
        times = frame_times(rng, config.num_frames)
        casting = Casting(rng, config, self._bank, self.cutouts, from_above)
        return Scene(
            scenery.background(rng, self._bank, self._stage(still), from_above),
            1.0 if rng.random() < 0.6 else float(rng.uniform(0.5, 1.0)),
            camera,
            casting.draw(PathPlanner(rng, config, camera, times)),
            _draw_shadow(rng),
            Sensor(rng, config.degradation, config.num_frames, self._bank),
            min(config.degradation, 1.0) * max(0.0, float(rng.uniform(-0.4, 0.7))),
        )

    def _draw(self, scene: Scene, frame: int, owners: Image) -> Image:
        """Draw one frame and write each pixel's object number into `owners` (height, width)."""
        config = self.config
        centre = np.array([config.width, config.height]) / 2
        far = scene.camera.matrix(frame, centre, scene.distance)
        middle = np.array(scene.background.shape[1::-1]) / 2
        far[:, 2] -= far[:, :2] @ middle
        size = (config.width, config.height)
        canvas = cv2.warpAffine(scene.background, far, size, borderMode=cv2.BORDER_REFLECT_101)
        near = scene.camera.matrix(frame, centre)
        for layer in scene.cast.layers:
            outside = is_far_outside(layer, frame, near, owners.shape)
            if outside or not layer.path.shown[frame]:
                continue
            cel = layer.sprite.cel(frame, float(layer.path.phase[frame]))
            matrix = placing(layer, cel, frame, near)
            if scene.shadow is not None and layer.number:
                cast_shadow(canvas, cel, matrix, scene.shadow)
            blur = smear(layer, frame, scene.shutter)
            paste(canvas, owners, cel, matrix, layer.number, blur)
        return canvas


def open_cutouts(config: SyntheticConfig) -> Cutouts | None:
    """Open the folder or file of cut-outs of a configuration.

    Raises:
        DatasetError: a folder that is missing or not laid out as expected, a file of another form.
    """
    if config.cutouts is None or not config.cutouts.is_file():
        return None if config.cutouts is None else CutoutLibrary(config.cutouts)
    return PackedCutouts(config.cutouts)


def _draw_shadow(rng: np.random.Generator) -> Shadow | None:
    if rng.random() < 0.45:
        return None
    offset = np.array([rng.uniform(-1.2, 1.2), rng.uniform(-0.04, 0.06)])
    return Shadow(offset, float(rng.uniform(0.1, 0.7)), float(rng.uniform(0.15, 0.6)))


def annotate(frames: Image, owners: Image, labels: tuple[int, ...], min_visible_px: int) -> Clip:
    """Turn object numbers per pixel (T, height, width) into a clip; drop what is hardly seen."""
    numbers = np.arange(1, len(labels) + 1, dtype=np.uint8)
    masks = owners[:, None] == numbers[:, None, None]  # (T, O, height, width)
    masks &= masks.sum(axis=(2, 3), keepdims=True) >= min_visible_px
    seen = masks.any(axis=(0, 2, 3))
    return Clip(frames, masks[:, seen], np.asarray(labels, np.int64)[seen])
