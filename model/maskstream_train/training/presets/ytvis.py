"""YouTube-VIS 2019 and 2021, with pseudo-clips from COCO pictures (docs/model.md 6.3)."""

from maskstream_model.config import ModelConfig
from maskstream_train.training.presets.preset import StageName, StagePreset
from maskstream_train.training.presets.published import published
from maskstream_train.training.video_plan import VideoPlan

ALIKE = (
    "person airplane train truck boat bird cat dog horse cow elephant bear zebra giraffe "
    "skateboard surfboard"
)
OTHERWISE = {
    "bicycle": ("motorbike",),
    "motorcycle": ("motorbike",),
    "car": ("car", "sedan"),
    "frisbee": ("flying_disc",),
    "skis": ("snowboard",),
    "snowboard": ("snowboard",),
    "tennis racket": ("tennis_racket",),
}


def preset(config: ModelConfig, stage: StageName) -> StagePreset:
    """Return a stage's settings; of COCO's categories those that the year's classes have."""
    known = {item.name for item in config.classes}
    names = {name: (name,) for name in ALIKE.split()} | OTHERWISE
    pictures = {ours: name for ours, theirs in names.items() for name in theirs if name in known}
    return published(stage, VideoPlan(picture_classes=pictures), 0.02, 160_000, 112_000)
