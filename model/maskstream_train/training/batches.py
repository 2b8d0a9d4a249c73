"""Batches of clips by step number: any step can be made again, in any process.

Sizes of synthetic clips vary from batch to batch (several resolutions), single clips are enlarged
by random crops, because a small model otherwise knows objects of one size only.
"""

import signal
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from maskstream_model.errors import DatasetError
from maskstream_model.tasks.preprocess import DIVISOR
from maskstream_train.data.seeds import training_seed
from maskstream_train.data.synthetic import ClipGenerator
from maskstream_train.training.distribution import Share, share
from maskstream_train.training.run_options import BatchPlan, Plan
from maskstream_train.training.targets import ClipBatch, collate
from maskstream_train.training.video_clips import VideoClips
from maskstream_train.training.video_plan import VideoPlan

CLIPS_PER_STEP = 1024
"""Clip numbers set aside for each batch, more than it ever holds."""
ENDLESS = 1 << 40


def batch_shape(plan: BatchPlan, scale: float) -> tuple[int, int, int]:
    """Return clips, height and width of a batch: sizes in steps of 32, a like number of pixels."""
    height = max(DIVISOR, DIVISOR * round(plan.clips.height * scale / DIVISOR))
    width = max(DIVISOR, DIVISOR * round(plan.clips.width * scale / DIVISOR))
    share = plan.clips.height * plan.clips.width / (height * width)
    return max(2, round(plan.batch_size * share)), height, width


def zoom(clip: ClipBatch, factor: float, corner: tuple[float, float], min_px: int) -> ClipBatch:
    """Enlarge a clip by a crop of `1 / factor` of each side; masks below `min_px` are erased.

    Args:
        clip: any number of clips of one size.
        factor: at least 1.
        corner: place of the crop, `(y, x)` in 0..1 of what is left over.
        min_px: smallest number of visible pixels that still is an object.
    """
    height, width = clip.frames.shape[2:4]
    rows, columns = round(height / factor), round(width / factor)
    top, left = (int(corner[0] * (height - rows)), int(corner[1] * (width - columns)))
    window = (..., slice(top, top + rows), slice(left, left + columns))
    pixels = clip.frames.flatten(0, 1).permute(0, 3, 1, 2)[window].float()
    frames = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)
    grown = _nearest(clip.masks[window], height, width)
    present = grown.sum((-1, -2)) >= min_px
    return ClipBatch(
        frames.round().to(torch.uint8).permute(0, 2, 3, 1).reshape(clip.frames.shape),
        grown & present[..., None, None],
        clip.labels,
        present,
    )


def _nearest(masks: Tensor, height: int, width: int) -> Tensor:
    rows = (torch.arange(height) + 0.5) * masks.shape[-2] / height
    columns = (torch.arange(width) + 0.5) * masks.shape[-1] / width
    return masks[..., rows.long(), :][..., columns.long()]


class ClipBatches(Dataset[ClipBatch]):
    """Batch number `index` of a plan, or this process's share of it.

    Generators are made when a size is first met.
    """

    def __init__(self, plan: BatchPlan, share: Share | None = None) -> None:
        self._plan, self._share = plan, share or Share()
        self._generators: dict[tuple[int, int], ClipGenerator] = {}

    def __getitem__(self, index: int) -> ClipBatch:
        """Make batch `index`; equal numbers give equal batches in every process."""
        draw = np.random.default_rng([self._plan.seed, index])
        scale = self._plan.scales[int(draw.integers(len(self._plan.scales)))]
        clips, height, width = batch_shape(self._plan, scale)
        rows = self._share.of(clips)
        generator = self._generator(height, width)
        first = index * CLIPS_PER_STEP
        batch = collate([generator.clip(first + number) for number in rows])
        drawn = draw.random((clips, 4))[rows.start : rows.stop]
        return self._enlarge(batch, drawn, generator.config.min_visible_px)

    def _generator(self, height: int, width: int) -> ClipGenerator:
        if (height, width) not in self._generators:
            config = replace(self._plan.clips, height=height, width=width)
            self._generators[height, width] = ClipGenerator(config, training_seed(self._plan.seed))
        return self._generators[height, width]

    def _enlarge(self, batch: ClipBatch, drawn: npt.NDArray[np.float64], min_px: int) -> ClipBatch:
        """Enlarge a share of the clips, each by its own crop; `drawn (B, 4)` is 0 to 1."""
        for row, (chance, factor, y, x) in enumerate(drawn):
            if chance >= self._plan.zoom_share:
                continue
            one = ClipBatch(*(part[row : row + 1] for part in batch.parts))
            near = zoom(one, 1.0 + factor * (self._plan.zoom_max - 1.0), (y, x), min_px)
            for part, changed in zip(batch.parts, near.parts, strict=True):
                part[row] = changed[0]
        return batch


def _quiet_worker(_: int) -> None:
    """Leave Ctrl-C to the main process, which saves and then ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def stream_batches(plan: Plan, first: int, workers: int) -> Iterator[ClipBatch]:
    """Yield batches `first`, `first + 1`, ... in order, made here or in `workers` processes.

    Of several training processes each gets its own share of every batch.

    Raises:
        DatasetError: data that is missing or broken.
    """
    loader = DataLoader(
        _dataset(plan),
        batch_size=None,
        sampler=range(first, ENDLESS),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_quiet_worker if workers else None,
    )
    try:
        yield from loader
    except DatasetError as error:
        # What comes from a worker is its whole traceback, with our sentence at the end.
        raise DatasetError(str(error).rpartition("DatasetError: ")[2].strip()) from None


def _dataset(plan: Plan) -> Dataset[ClipBatch]:
    if not isinstance(plan, VideoPlan):
        return ClipBatches(plan, share())
    clips = VideoClips(plan, share())
    clips.open()
    return clips
