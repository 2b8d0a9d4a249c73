"""A lively generated clip, for tests of streams."""

from dataclasses import replace

import numpy as np

from maskstream_train.data.synthetic.config import Clip, SyntheticConfig
from maskstream_train.data.synthetic.generator import ClipGenerator

_MAX_TRIES = 20


def sample_clip(height: int = 256, width: int = 448, num_frames: int = 120, seed: int = 8) -> Clip:
    """Return a lively clip: objects that come, pass one another and go.

    The first clip of the seed in which four objects play, two come and one goes, with something to
    be seen on every frame. Clips have the same objects at every size, so that small ones tell.
    """
    config = SyntheticConfig(
        height=height,
        width=width,
        num_frames=num_frames,
        max_objects=5,
        empty_ratio=0.0,
        surveillance_ratio=0.5,
        event_ratio=0.8,
        lookalike_ratio=0.0,
        min_visible_ratio=1 / 400,
    )
    previews = ClipGenerator(replace(config, height=64, width=112), seed)
    lively = (index for index in range(_MAX_TRIES) if _is_lively(previews.clip(index)))
    return ClipGenerator(config, seed).clip(next(lively, 0))


def _is_lively(clip: Clip) -> bool:
    present = np.asarray(clip.masks.any(axis=(2, 3)))
    coming, going = np.sum(~present[0]), np.sum(~present[-1])
    never_empty = present.any(axis=1).all()
    return bool(present.shape[1] >= 4 and coming >= 2 and going >= 1 and never_empty)
