"""VIPSeg, without other pictures (docs/model.md 6.3)."""

from dataclasses import replace

from maskstream_model.config import ModelConfig
from maskstream_train.training.augmentation import Augmentation
from maskstream_train.training.presets.preset import StageName, StagePreset
from maskstream_train.training.presets.published import published
from maskstream_train.training.video_plan import VideoPlan


def preset(config: ModelConfig, stage: StageName) -> StagePreset:
    """Return a stage's settings: larger frames, no crop, nothing is made to disappear.

    The paper speaks of 160k steps for all data sets; the released configuration has 90k.
    """
    sides = (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)
    larger = Augmentation(short_sides=sides, max_long_side=1333, crop_share=0.0)
    found = published(stage, VideoPlan(augmentation=larger), 0.01, 90_000, 66_000)
    return replace(found, tracker=replace(found.tracker, disappearance_simulation="off"))
