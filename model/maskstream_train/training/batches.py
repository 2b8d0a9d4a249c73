"""Batches of clips by step number: any step can be made again, in any process.

Sizes of clips vary from batch to batch (several resolutions), because a small model otherwise knows
objects of one size only.
"""

import signal
from collections.abc import Iterator

import numpy as np
from torch.utils.data import DataLoader, Dataset

from maskstream_model.aliases import Size
from maskstream_model.errors import DatasetError
from maskstream_model.tasks.preprocess import DIVISOR
from maskstream_train.training.clip_source import ClipSource
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


class ClipBatches(Dataset[ClipBatch]):
    """Batch number `index` of a plan, or this process's share of it.

    Sources are made when a size is first met.
    """

    def __init__(self, plan: BatchPlan, share: Share | None = None) -> None:
        self._plan, self._share = plan, share or Share()
        self._sources: dict[Size, ClipSource] = {}

    def __getitem__(self, index: int) -> ClipBatch:
        """Make batch `index`; equal numbers give equal batches in every process."""
        draw = np.random.default_rng([self._plan.seed, index])
        scale = self._plan.scales[int(draw.integers(len(self._plan.scales)))]
        clips, height, width = batch_shape(self._plan, scale)
        if draw.random() < self._plan.portrait_share:
            height, width = width, height
        source = self._source((height, width))
        first = index * CLIPS_PER_STEP
        return collate([source.clip(first + number) for number in self._share.of(clips)])

    def _source(self, size: Size) -> ClipSource:
        if size not in self._sources:
            shared = next(iter(self._sources.values()), None)
            self._sources[size] = ClipSource(self._plan, size, shared)
        return self._sources[size]


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
