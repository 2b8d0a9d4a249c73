"""What a comparison is asked: arms, seeds, and the clips that all of them share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from maskstream_model.errors import ConfigError
from maskstream_train.ablation.arms import DEFAULT_ARMS
from maskstream_train.ablation.segmented import ClipSet
from maskstream_train.data.seeds import evaluation_seed, training_seed
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.run_options import BatchPlan, RunOptions

CALM: Mapping[str, Any] = {
    "empty_ratio": 0.0,
    "surveillance_ratio": 1.0,
    "degradation": 0.0,
    "min_visible_ratio": 0.0065,
}
"""Clips that a small segmenter reads well: what it misses, no tracker can find."""


@dataclass(frozen=True)
class Ablation:
    """What is compared, and on what.

    Attributes:
        options: of every run; `init` holds the segmenter, `plan.clips` the size and the number of
            frames of training clips, `budget` is that of one run of one arm.
        arms: names out of `arms.ARMS`.
        num_seeds: every arm is trained that often, with seeds from `options.plan.seed` on.
        train_clips: number of training clips; all arms and seeds learn from the same.
        test_clips: number of clips to measure on.
        test_frames: frames of these.
        train_events: share of the training clips' objects that come or go. The paper counts fewer
            than 20 % of the samples of real data sets that show such a thing.
        test_events: the same of the clips to measure on.
    """

    options: RunOptions
    arms: tuple[str, ...] = DEFAULT_ARMS
    num_seeds: int = 3
    train_clips: int = 400
    test_clips: int = 100
    test_frames: int = 20
    train_events: float = 0.1
    test_events: float = 0.8

    def __post_init__(self) -> None:
        """Check the plan.

        Raises:
            ConfigError: the model learns from a data set.
        """
        if not isinstance(self.options.plan, BatchPlan):
            raise ConfigError(f"{self.options.config.name} cannot be compared on synthetic clips")

    @property
    def _clips(self) -> SyntheticConfig:
        assert isinstance(self.options.plan, BatchPlan)  # Checked above.
        return self.options.plan.clips

    @property
    def training(self) -> ClipSet:
        """The clips that trackers learn from."""
        clips = replace(self._clips, event_ratio=self.train_events, **CALM)
        return ClipSet(clips, training_seed(0), self.train_clips)

    @property
    def held_out(self) -> ClipSet:
        """The clips that they are measured on."""
        events, clips = self.test_events, self._clips
        longer = replace(clips, event_ratio=events, num_frames=self.test_frames, **CALM)
        return ClipSet(longer, evaluation_seed(0), self.test_clips)
