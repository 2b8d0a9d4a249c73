"""Weight files of Mask2Former: those of mmdetection, and ours."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from maskstream_model import checkpoint
from maskstream_model.association.presets import TRACKERS, preset, preset_names
from maskstream_model.checkpoint import state_of
from maskstream_model.config import SegmenterConfig
from maskstream_model.families import WeightFormat
from maskstream_model.loading import class_count_hint
from maskstream_model.mask2former.mmdetection import from_mmdetection
from maskstream_model.mask2former.segmenter import Segmenter

HEAD = "sem_seg_head.predictor.class_embed.weight"


def targets(name: str) -> Mapping[str, Tensor]:
    """Return every tensor of a preset by name, with a shape and a type but without memory."""
    config = preset(name)
    return _targets(config.segmenter, config.num_classes)


@cache
def _targets(segmenter: SegmenterConfig, num_classes: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        return state_of(Segmenter(segmenter, num_classes, reid_head=False))


def fingerprint(name: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of a preset's model with these weights."""
    return checkpoint.fingerprint(weights, preset(name))


def adapted(name: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a published file under the names of the preset."""
    return from_mmdetection(weights)


def hint(weights: Mapping[str, Tensor]) -> str | None:
    """Describe a segmenter that fits no preset, as far as its tensors show."""
    if not any(name.startswith("sem_seg_head.") for name in weights):
        return None
    if any(name.startswith(TRACKERS) for name in weights):
        return "it has no tracker"
    return class_count_hint(weights, HEAD, [preset(name).num_classes for name in preset_names()])


FORMAT = WeightFormat(targets, fingerprint, adapted, hint, prefixes=("backbone.", "sem_seg_head."))
