"""Clips of one size by number, of the generator and of packed pictures as a plan mixes them."""

from dataclasses import replace

import numpy as np

from maskstream_model.aliases import Floats, Size
from maskstream_train.data.packed import PackedPictures
from maskstream_train.data.seeds import training_seed
from maskstream_train.data.synthetic import Clip, ClipGenerator
from maskstream_train.data.synthetic.cutouts import Cutouts
from maskstream_train.training.packed_sampling import PackedClips
from maskstream_train.training.run_options import BatchPlan
from maskstream_train.training.windows import Window, cut_frames, cut_planes

MIXING = 6
"""Stream of random numbers of a clip that choose where it comes from."""


class ClipSource:
    """Clip `index` of a plan at one size: equal numbers give equal clips in every process."""

    def __init__(self, plan: BatchPlan, size: Size, shared: "ClipSource | None" = None) -> None:
        """Open files and folders of the plan.

        Args:
            plan: of clips.
            size: height and width.
            shared: one of the same plan and another size, whose files are open.

        Raises:
            ConfigError: settings that no clip can be made with.
            DatasetError: a file or folder that cannot be read.
        """
        config = replace(plan.clips, height=size[0], width=size[1])
        cutouts: Cutouts | None = None if shared is None else shared.generator.cutouts
        self.generator: ClipGenerator = ClipGenerator(config, training_seed(plan.seed), cutouts)
        self._plan, self._size = plan, size
        self.packed: PackedClips | None = _packed(plan) if shared is None else shared.packed

    @property
    def min_visible_px(self) -> int:
        """Fewest visible pixels of an object."""
        return self.generator.config.min_visible_px

    def clip(self, index: int) -> Clip:
        """Return clip `index` (from 0).

        Raises:
            DatasetError: a picture cannot be read.
        """
        mix, count = self._plan.mix, self._plan.num_frames
        draw = np.random.default_rng([self._plan.seed, index, MIXING])
        chance = draw.random()
        if self.packed is not None and chance < mix.still_share:
            return self.packed.still(self._size, count, self.min_visible_px, draw)
        if self.packed is not None and chance < mix.still_share + mix.video_share:
            return self.packed.video(self._size, count, self.min_visible_px, draw)
        clip = self.generator.clip(index)
        if draw.random() >= self._plan.zoom_share:
            return clip
        factor = float(draw.uniform(1.0, self._plan.zoom_max))
        return enlarged(clip, factor, draw.random(2), self.min_visible_px)


def enlarged(clip: Clip, factor: float, corner: Floats, min_px: int) -> Clip:
    """Enlarge a clip by a crop of `1 / factor` of each side; masks below `min_px` are erased.

    Args:
        clip: everything of it is known.
        factor: at least 1.
        corner: place of the crop, `(y, x)` in 0..1 of what is left over.
        min_px: fewest visible pixels of an object.
    """
    size = clip.frames.shape[1], clip.frames.shape[2]
    sides = np.array(size) / factor
    window = Window(*(corner * (size - sides)).tolist(), *sides.tolist())
    windows = [window] * len(clip.frames)
    masks = cut_planes(windows, clip.masks, size)
    masks &= masks.sum(axis=(2, 3), keepdims=True) >= min_px
    seen = masks.any(axis=(0, 2, 3))
    return Clip(cut_frames(windows, clip.frames, size), masks[:, seen], clip.labels[seen])


def _packed(plan: BatchPlan) -> PackedClips | None:
    data = plan.mix.data
    return None if data is None else PackedClips(PackedPictures(data, "training"), plan.mix.views)
