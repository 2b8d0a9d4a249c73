"""OVIS, with pseudo-clips from COCO pictures (docs/model.md 6.3)."""

from maskstream_model.config import ModelConfig, VitAdapterConfig
from maskstream_train.training.presets.preset import StageName, StagePreset
from maskstream_train.training.presets.published import published
from maskstream_train.training.video_plan import VideoPlan

ALIKE = (
    "person bicycle motorcycle airplane boat cat dog horse sheep cow elephant bear zebra giraffe"
)
VEHICLES = "car bus truck"


def preset(config: ModelConfig, stage: StageName) -> StagePreset:
    """Return a stage's settings; COCO's birds are left out, as in the reference."""
    pictures = {name: name for name in ALIKE.split()}
    pictures |= dict.fromkeys(VEHICLES.split(), "vehicle")
    steps, decay_at = 160_000, 112_000
    if stage == "refiner" and isinstance(config.segmenter.backbone, VitAdapterConfig):
        steps, decay_at = 80_000, 56_000
    return published(stage, VideoPlan(picture_classes=pictures), 0.1, steps, decay_at)
