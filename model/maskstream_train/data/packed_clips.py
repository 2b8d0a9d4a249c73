"""Clips of packed pictures: the same objects in the same rows on every frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Bools, Floats, Frame, Ints
from maskstream_train.data.packed import PackedFrame


@dataclass(frozen=True)
class PackedClip:
    """Pictures of one video, or one picture several times.

    Attributes:
        frames: `T` pictures `(h, w, 3)` uint8.
        masks: `(T, O, h, w)` bool.
        labels: `(O,)`.
        certainties: `(O,)` 0 to 1.
        ignored: `(T, h, w)` uint8.
    """

    frames: Sequence[Frame]
    masks: Bools
    labels: Ints
    certainties: Floats
    ignored: npt.NDArray[np.uint8]


def repeated(shown: PackedFrame, count: int) -> PackedClip:
    """Return one picture `count` times, without copying it."""
    return PackedClip(
        [shown.frame] * count,
        np.broadcast_to(shown.masks, (count, *shown.masks.shape)),
        shown.labels,
        shown.certainties,
        np.broadcast_to(shown.ignored, (count, *shown.ignored.shape)),
    )
