"""Presets of Mask2Former with associated queries: the models that mmdetection publishes."""

from dataclasses import replace

from maskstream_model.association.rules import AssociationRules
from maskstream_model.classes import COCO_STUFF, COCO_THINGS, classes
from maskstream_model.config import (
    BackboneConfig,
    ClassInfo,
    ModelConfig,
    ResNetConfig,
    SegmenterConfig,
    SwinConfig,
    Task,
    find_preset,
)
from maskstream_model.config.demo import demo

DEMO = "demo_mask2former"
"""The segmenter of `demo` with associated queries."""
TRACKERS = ("tracker.", "sem_seg_head.predictor.reid_embed.")
"""Prefixes of tensors in files of DVIS-DAQ that an associated segmenter does not read."""
BACKBONES: dict[str, BackboneConfig] = {
    "r50": ResNetConfig(),
    "r101": ResNetConfig(depths=(3, 4, 23, 3)),
    "swint": SwinConfig(96, (2, 2, 6, 2), (3, 6, 12, 24), 7),
    "swins": SwinConfig(96, (2, 2, 18, 2), (3, 6, 12, 24), 7),
    "swinb": SwinConfig(128, (2, 2, 18, 2), (4, 8, 16, 32), 12),
    "swinl": SwinConfig(),
}
INSTANCES = ("r50", "r101", "swint", "swins")
"""Backbones published for instances as well; all were published for panoptic pictures."""
QUERIES = {"swinl": 200}
COCO = AssociationRules(
    first_frame_score_min=0.5,
    emergence_score_min=0.5,
    tracked_score_min=0.1,
    max_missed_frames=10,
    min_size=800,
    report_score_min=0.5,
    double_iou_max=0.6,
    gallery_frames=300,
)


def preset_names() -> list[str]:
    """Return the names that `preset` knows."""
    return [config.name for config in _presets()]


def preset(name: str) -> ModelConfig:
    """Return the configuration of a preset, or of the model in a folder; see `find_preset`."""
    return find_preset(name, _presets())


def _presets() -> list[ModelConfig]:
    stills = [_coco(backbone, "instances") for backbone in INSTANCES]
    return [*stills, *(_coco(backbone, "panoptic") for backbone in BACKBONES), _demo()]


def _coco(backbone: str, task: Task) -> ModelConfig:
    segmenter = SegmenterConfig(BACKBONES[backbone], num_queries=QUERIES.get(backbone, 100))
    if task == "instances":
        name, names = f"mask2former_{backbone}_coco", classes(COCO_THINGS)
    else:
        name, names = f"mask2former_{backbone}_coco_panoptic", classes(COCO_THINGS, COCO_STUFF)
    return ModelConfig(name, _spaced(names), segmenter, online=COCO, task=task)


def _spaced(names: tuple[ClassInfo, ...]) -> tuple[ClassInfo, ...]:
    """Return classes whose names have spaces, as COCO writes them."""
    return tuple(replace(info, name=info.name.replace("_", " ")) for info in names)


def _demo() -> ModelConfig:
    base = demo()
    rules = replace(
        COCO, min_size=base.online.min_size, report_score_min=base.online.report_score_min
    )
    return replace(base, name=DEMO, online=rules)
