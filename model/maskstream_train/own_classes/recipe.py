"""Recipes for own classes on few pictures: short runs on small crops from trained weights."""

from typing import Literal

from maskstream_model.config import ModelConfig
from maskstream_train.training.augmentation import Augmentation
from maskstream_train.training.clip_sampling import ClipSampling
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.presets import StagePreset
from maskstream_train.training.recipes import Recipe, TrackerRecipe, tracker_criterion
from maskstream_train.training.video_plan import VideoPlan

OwnStage = Literal["segmenter", "tracker"]
STAGES: tuple[OwnStage, ...] = ("segmenter", "tracker")
SEGMENTER_SHARE = 0.6
"""Share of the budget."""
MINUTES = 20.0
"""Default budget."""
CLIP_FRAMES = {"segmenter": 1, "tracker": 4}
BATCH = {"segmenter": 4, "tracker": 2}
DEFAULT_SIDE = 360
"""Shorter side of frames for models that take any size, in pixels."""
SCALES = (0.75, 0.875, 1.0, 1.25)


def own_preset(config: ModelConfig, stage: OwnStage) -> StagePreset:
    """Return the recipe of a stage for own classes; `--set` changes any field."""
    side = config.online.min_size or DEFAULT_SIDE
    plan = VideoPlan(
        sampling=ClipSampling(CLIP_FRAMES[stage]),
        augmentation=_augmentation(side),
        batch_size=BATCH[stage],
    )
    criterion = Criterion() if stage == "segmenter" else tracker_criterion(Criterion(), 0.2)
    recipe = Recipe(
        learning_rate=3e-4,
        warm_up_steps=20,
        backbone_factor=0.1,
        live_norms=False,
        average_decay=0.98,
        criterion=criterion,
        auxiliary_weight=0.0,
        pilot_weight=0.0,
    )
    return StagePreset(recipe, plan, TrackerRecipe(likeness_start=False))


def _augmentation(side: int) -> Augmentation:
    """Return crops and sizes around that of the model."""
    return Augmentation(
        short_sides=tuple(round(side * scale) for scale in SCALES),
        max_long_side=2 * side,
        crop_short_sides=(side, round(1.25 * side), round(1.5 * side)),
        crop_range=(round(0.8 * side), round(1.25 * side)),
    )
