"""What the synthetic data generator is asked for, and what a clip of it holds."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_model.classes import EVERYDAY
from maskstream_model.errors import ConfigError

Image = npt.NDArray[Any]
"""Pixels (height, width) or (height, width, channels); RGB, uint8 unless said otherwise."""

NAMES = EVERYDAY.split()
LABELS = {
    **{kind: NAMES.index(kind) for kind in ("person", "bird", "car", "truck", "bottle")},
    "thing": NAMES.index("other"),
}
"""Class index, in `EVERYDAY`, of each kind that figures are drawn as."""


@dataclass(frozen=True)
class SyntheticConfig:
    """Size, content and difficulty of the clips; ratios are 0 to 1.

    Attributes:
        height: pixels of a frame, from 16.
        width: pixels of a frame, from 16.
        num_frames: frames of a clip; events are spread over all of them.
        max_objects: most annotated objects of one clip.
        cutouts: folder of real cut-outs (see `cutouts.py`), a file of packed pictures (see
            `packed_cutouts.py`), or None.
        textures: folder of pictures and videos that lend backgrounds and object textures (see
            `real_textures.py`), or None.
        empty_ratio: share of clips without any object.
        cutout_ratio: share of clips that use cut-outs, where the folder is given.
        surveillance_ratio: share of clips seen by a fixed camera over a plain floor or road.
        event_ratio: share of objects that enter, leave, appear or vanish inside the clip.
        lookalike_ratio: share of clips whose objects look alike, so that only place and motion
            tell them apart.
        speed: factor on all motion.
        degradation: strength of noise, blur, compression and changes of light; 0 for none.
        min_visible_ratio: an object that shows on a smaller share of a frame's pixels is not
            annotated there. A share, so that a clip has the same objects at every size.
    """

    height: int = 128
    width: int = 224
    num_frames: int = 5
    max_objects: int = 4
    cutouts: Path | None = None
    textures: Path | None = None
    empty_ratio: float = 0.05
    cutout_ratio: float = 0.3
    surveillance_ratio: float = 0.35
    event_ratio: float = 0.55
    lookalike_ratio: float = 0.25
    speed: float = 1.0
    degradation: float = 0.4
    min_visible_ratio: float = 64 / (128 * 224)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value that no clip can be made with.
        """
        least = {"height": 16, "width": 16, "num_frames": 1, "max_objects": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ConfigError(f"{name} must be at least {lowest}, not {getattr(self, name)}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_ratio") and not 0 <= value <= 1:
                raise ConfigError(f"{field.name} must lie between 0 and 1, not {value}")
        if self.speed < 0 or self.degradation < 0:
            raise ConfigError("speed and degradation must not be negative")

    @property
    def min_visible_px(self) -> int:
        """Fewest visible pixels of an annotated object, at least 1."""
        return max(1, round(self.min_visible_ratio * self.height * self.width))


@dataclass(frozen=True)
class Clip:
    """An annotated clip of `T` frames and `O` objects.

    Attributes:
        frames: uint8 (T, height, width, 3), RGB.
        masks: bool (T, O, height, width), the visible part of each object; a pixel belongs to at
            most one object; empty where the object is absent. Each object shows on some frame.
        labels: int64 (O,), class indices in `EVERYDAY`.
        ignored: uint8 (T, height, width), `KNOWN`, `UNKNOWN` or `DOUBTFUL` (`data/packed.py`); None
            where everything is known.
        certainties: float (O,) of the labels, 0 to 1; None: certain.
    """

    frames: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.uint8] | None = None
    certainties: npt.NDArray[np.float64] | None = None
